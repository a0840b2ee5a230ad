// Asks the server at `path`, or tells it something, and gives its answer.
export async function ask(path, told) {
  const answer = await fetch(path, told === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(told),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error || answer.statusText);
  return said;
}
