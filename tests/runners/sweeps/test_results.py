import re

import pytest

from gymnast.core.errors import UsageError
from gymnast.runners.cli.main import main
from gymnast.runners.sweeps import results
from gymnast.runners.sweeps.results import Results, Row, lines, table, tables, write

SMALL = """
[small]
about = "Two seeds"
checkpoints = ["last", "best"]
episodes = 2
settings = { evals = 1, eval_episodes = 1, num_envs = 2, horizon = 16, hidden = [8] }
rows = [{ algo = "ppo", env = "CartPole-v1", seeds = 2, settings = { steps = 100 }, published = "500 (nobody)" }]
"""


def test_every_table_has_its_runs_and_its_place_on_the_page():
    page = (results.ROOT / results.PAGE).read_text()
    for name, one in tables().items():
        assert one.plan(), name
        assert page.count(f"<!-- results of {name} -->") == 1
    assert page.count("<!-- end of results -->") == len(tables())


def test_a_table_that_is_not_there_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="Did you mean 'tabular'"):
        table("tabula")


def test_the_lines_of_a_table_are_markdown_with_the_figures_that_matter():
    row = Row("ppo", "CartPole-v1", 3, settings={"steps": 20_000}, published="500 (RL Zoo)")
    other = Row("dqn", "Acrobot-v1", [5], settings={"steps": 1_500_000})
    figures = [(row, {"best": [500.0, 499.96, 12.345]}), (other, {"best": [-0.001]})]
    assert list(lines(Results("", (row, other)), figures)) == [
        "| algorithm | environment | steps | seeds | return per seed | IQM | published |",
        "|---|---|---|---|---|---|---|",
        "| PPO | CartPole-v1 | 20k | 3 | 500.0, 500.0, 12.3 | **418.7** [12.3, 500.0] | 500 (RL Zoo) |",
        "| DQN | Acrobot-v1 | 1.5M | 1 | 0.00 | **0.00** |  |",
    ]


def test_writing_a_table_leaves_the_rest_of_the_page_as_it_is(tmp_path):
    page = tmp_path / "page.md"
    other = "<!-- results of y -->\n<!-- end of results -->\n"
    page.write_text(f"a\n<!-- results of x -->\nold\n<!-- end of results -->\nb\n{other}")
    write("x", ["| new \\1 |"], page)
    assert page.read_text() == f"a\n<!-- results of x -->\n\n| new \\1 |\n\n<!-- end of results -->\nb\n{other}"
    with pytest.raises(UsageError, match="no place"):
        write("z", [], page)


def test_a_table_is_made_printed_and_written_into_the_page(tmp_path, monkeypatch, capsys):
    for folder, name, text in (
        ("configs", "results.toml", SMALL),
        ("docs", "results.md", "<!-- results of small -->\n<!-- end of results -->\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results.tables, "__defaults__", (tmp_path / "configs/results.toml",))
    with pytest.raises(SystemExit) as stop:
        main(["reproduce", "small", "--write"])
    assert stop.value.code == 0
    (row,) = re.findall(r"^\| CartPole-v1 .*$", (tmp_path / "docs/results.md").read_text(), re.MULTILINE)
    assert re.fullmatch(r"\| CartPole-v1 \| 100 \| 2 \| [\d., ]+ \| [\d., ]+ \| \*\*.* \| 500 \(nobody\) \|", row)
    assert row in capsys.readouterr().out
