"""The pages in a real browser, where one is installed."""

import shutil
import threading
from contextlib import contextmanager

import pytest

pytest.importorskip("playwright")
pytest.importorskip("starlette")
import uvicorn
from playwright import sync_api as playwright

from gymnast.agents import champion
from gymnast.runners.runs import run as runs
from gymnast.runners.screen.play import Table
from gymnast.runners.training.train import train
from gymnast.runners.web import episodes, games, watch
from gymnast.runners.web.serve import address, listening

CHROME = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROME is None, reason="no Chromium is installed here: apt install chromium")
LOCAL = "127.0.0.1"


@pytest.fixture(scope="module")
def chrome():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROME, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def served(application):
    """The address of a server in a thread of this process."""
    with listening(LOCAL, 20_000) as found:
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, args=([found],), daemon=True)
        thread.start()
        try:
            yield address(found, None)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def opened(chrome, url, width=1600, scheme="light"):
    """A page that has complained of nothing, asked nobody else, and fits its window, when it is left."""
    page = chrome.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    problems, asked = [], set()
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.on("request", lambda request: asked.add(request.url))
    page.goto(url)
    yield page
    assert not problems
    assert all(one.startswith((url, "data:")) for one in asked)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1600, "light")])
def test_runs_are_watched(chrome, cartpole, width, scheme):
    with served(watch.watch([cartpole.parent], LOCAL, None)) as url, opened(chrome, url, width, scheme) as page:
        playwright.expect(page.get_by_role("img", name="episode/return over environment steps")).to_be_visible()
        playwright.expect(page.locator("#runs tbody")).to_contain_text("finished")
        page.get_by_label("Metric").select_option("eval/return")
        playwright.expect(page.get_by_role("img", name="eval/return over environment steps")).to_be_visible()
        page.locator("#over").select_option("cpu")
        playwright.expect(page.get_by_role("img", name="over seconds of a processor")).to_be_visible()
        group = page.get_by_role("button", name="ppo on CartPole-v1")
        group.press("Enter")
        playwright.expect(group).to_have_attribute("aria-pressed", "false")
        playwright.expect(page.locator("#chart")).to_contain_text("no run has logged this yet")
        page.get_by_label("choose cartpole").check()
        playwright.expect(page.get_by_label("choose cartpole")).to_be_checked()


@pytest.fixture(scope="module")
def agent():
    small = {"hidden": (8,), "simulations": 8}
    return train(runs.preset("alphazero", "tictactoe", steps=64, num_envs=8, evals=0, agent=small)).agent


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1600, "dark")])
def test_a_game_is_played_by_mouse_and_by_keys(chrome, agent, width, scheme):
    made = games.play(Table(champion(agent), 20, second=False), "a beginner", LOCAL, None)
    with served(made) as url, opened(chrome, url, width, scheme) as page:
        playwright.expect(page.locator("#status")).to_have_text("X to move: your turn")
        middle = page.get_by_role("button", name="row 2, column 2")
        middle.click()
        playwright.expect(middle).to_have_attribute("aria-label", "row 2, column 2: X")
        playwright.expect(page.locator("#status")).to_have_text("X to move: your turn")
        playwright.expect(page.locator("#moves")).to_contain_text("1. b2")
        playwright.expect(page.locator("#estimate")).to_contain_text("O ")
        assert page.locator(".share").count() > 0
        page.get_by_label("Show what the agent thinks").uncheck()
        playwright.expect(page.locator(".share")).to_have_count(0)
        playwright.expect(page.locator("#thoughts")).to_be_hidden()
        page.keyboard.press("u")
        playwright.expect(page.locator("#moves")).to_have_text("none yet")
        page.get_by_role("button", name="row 2, column 2").focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        playwright.expect(page.locator("#moves")).to_contain_text("1. b1")
        playwright.expect(page.locator("#status")).to_have_text("X to move: your turn")
        page.get_by_role("button", name="Change sides").click()
        playwright.expect(page.locator("#status")).to_have_text("O to move: your turn")


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1600, "light")])
def test_a_policy_is_watched_and_taken_over_from(chrome, cartpole, width, scheme):
    made = episodes.watch(cartpole, "last", False, 5, False, LOCAL, None)
    with served(made) as url, opened(chrome, url, width, scheme) as page:
        playwright.expect(page.locator("#status")).to_have_text("return 0.0 · step 0")
        page.get_by_role("button", name="One step").click()
        playwright.expect(page.locator("#status")).to_have_text("return 1.0 · step 1")
        assert page.locator("#picture").evaluate("image => image.naturalWidth") == 600
        page.get_by_role("button", name="Take over").click()
        page.keyboard.down("ArrowLeft")
        for step in range(2, 14):
            page.keyboard.press(".")
            playwright.expect(page.locator("#status")).to_contain_text(f"step {step}")
            if "the end" in page.locator("#status").inner_text():
                break
        assert 8 <= step <= 13  # who only pushes left falls at once
        page.keyboard.up("ArrowLeft")
        page.get_by_role("button", name="Give back").click()
        page.get_by_role("button", name="Run").click()
        playwright.expect(page.locator("#status")).not_to_contain_text("the end")
        page.get_by_role("button", name="Pause").click()
