"""/dashboard/sweeps/{name}: what can be chosen, downloaded and done on the page of a sweep."""

import csv
import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.served import Served, document, slow_sweep

GOOD = "/dashboard/sweeps/listed-good"


def test_the_head_tells_how_the_sweep_is_doing(open_page: OpenPage, listed: Served) -> None:
    """Status, progress, the best trial with a link, sampling, warnings."""
    page = open_page(listed, GOOD)
    best = listed.get("/v1/sweeps/listed-good")["best_trial"]
    words = f"{best['number']}: {best['objective_value']:.6g}"
    link = page.get_by_role("definition").get_by_role("link", name=words)
    expect(link).to_have_attribute("href", f"{GOOD}/trials/{best['number']}")
    for told in ("minimize loss", "random", "of listed-good"):
        expect(page.get_by_role("definition").filter(has_text=told).first).to_be_visible()
    failed = open_page(listed, "/dashboard/sweeps/listed-bad")
    expect(failed.get_by_text("RuntimeError: no such luck").first).to_be_visible()


def test_every_chart_says_what_it_shows(open_page: OpenPage, listed: Served) -> None:
    """To people who have the page read to them."""
    page = open_page(listed, GOOD)
    for subject in (
        "Optimisation history: objectives of 4 trials",
        "Learning curves of 4 trials",
        "Parallel coordinates of 4 trials",
        "Importance of the hyperparameters",
        "Slice: x against the objective of 4 trials",
        "Timeline of 4 trials",
    ):
        expect(page.get_by_role("img", name=subject)).to_be_visible()


def test_a_space_of_branches_has_all_charts(open_page: OpenPage, listed: Served) -> None:
    """With the hyperparameters of the branches, in charts and table."""
    drawn = {"type": "uniform", "min_value": 0.0, "max_value": 1.0}
    branches = [{"x": drawn, "net": "a"}, {"x": drawn, "net": "b"}]
    space = {"model": {"type": "choice", "values": branches}}
    body = document("python quadratic.py --x ${{search_space.x}}", space, code="job")
    name = listed.submit(body)["name"]
    listed.finished(name)
    page = open_page(listed, f"/dashboard/sweeps/{name}")
    expect(page.get_by_role("img", name="Slice: x against the objective of 4")).to_be_visible()
    expect(page.get_by_role("img", name="Learning curves of 4 trials")).to_be_visible()
    expect(page.get_by_role("columnheader", name="net")).to_be_visible()
    expect(page.get_by_role("columnheader", name="model")).to_have_count(0)


def test_the_head_goes_on_without_an_event(open_page: OpenPage, listed: Served) -> None:
    """How long ago the sweep started is told anew."""
    page = open_page(listed, GOOD)
    page.get_by_role("img", name="Timeline of 4 trials").wait_for()
    started = page.get_by_text("Started", exact=True).locator("xpath=../dd")
    before = started.inner_text()
    expect(started).not_to_have_text(before, timeout=70_000)


def test_a_registration_may_depend_on_the_newest_version(
    open_page: OpenPage, listed: Served
) -> None:
    """The field of the condition is there once it is asked for."""
    page = open_page(listed, GOOD)
    page.get_by_role("button", name="Register model").click()
    least = page.get_by_role("spinbutton", name="Better by at least")
    expect(least).to_be_hidden()
    page.get_by_role("checkbox", name="Only if it compares well").click()
    expect(least).to_be_visible()


def test_what_is_chosen_stands_in_the_address(open_page: OpenPage, listed: Served) -> None:
    """Scale, share of the trials, hidden axes: who opens the address sees the same."""
    page = open_page(listed, GOOD)
    page.get_by_role("switch", name="Log scale").click()
    expect(page).to_have_url(re.compile("log=1"))
    page.get_by_role("combobox", name="Show").click()
    page.get_by_role("option", name="best 50 %").click()
    expect(page).to_have_url(re.compile("top=50"))
    half = page.get_by_role("img", name="Parallel coordinates of 2 trials")
    expect(half).to_be_visible()

    shared = open_page(listed, page.url.removeprefix(str(listed.client.base_url).rstrip("/")))
    expect(shared.get_by_role("switch", name="Log scale")).to_be_checked()
    expect(shared.get_by_role("img", name="Parallel coordinates of 2 trials")).to_be_visible()


def test_the_trials_can_be_downloaded(open_page: OpenPage, listed: Served) -> None:
    """As CSV and as JSON, all of them."""
    page = open_page(listed, GOOD)
    trials = listed.items("/v1/sweeps/listed-good/trials")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the trials as CSV").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert [float(row["x"]) for row in rows] == [trial["parameters"]["x"] for trial in trials]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the trials as JSON").click()
    found = json.loads(Path(download.value.path()).read_text())
    assert [row["number"] for row in found] == [trial["number"] for trial in trials]


def test_cancel_asks_first(open_page: OpenPage, listed: Served) -> None:
    """Until that is confirmed the sweep goes on; then the page shows how it ends."""
    name = listed.submit(slow_sweep(2, 600, 0.1))["name"]
    listed.until(name, lambda sweep: sweep["trial_counts"]["running"])
    page = open_page(listed, f"/dashboard/sweeps/{name}")
    page.get_by_role("button", name="Cancel", exact=True).click()
    question = page.get_by_role("dialog", name="Cancel this sweep?")
    question.get_by_role("button", name="Not now").click()
    expect(question).to_be_hidden()
    assert listed.get(f"/v1/sweeps/{name}")["status"] == "running"
    page.get_by_role("button", name="Cancel", exact=True).click()
    question.get_by_role("button", name="Cancel the sweep").click()
    expect(page.get_by_text("2 of 2 trials ended: 2 canceled")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()


def test_the_keyboard_opens_a_trial(open_page: OpenPage, listed: Served) -> None:
    """Enter on the cell of its number."""
    page = open_page(listed, GOOD)
    cell = page.get_by_role("gridcell", name=re.compile("^Trial 1"))
    cell.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{GOOD}/trials/1$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Trial 1")


def test_a_sweep_that_is_not_there_is_told(open_page: OpenPage, listed: Served) -> None:
    """With the page's frame around it, and the status that programs understand."""
    page = open_page(listed, "/dashboard/sweeps/nowhere", tolerated="404")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_role("main")).to_contain_text("nowhere")
    expect(page.get_by_role("banner")).to_have_count(1)
