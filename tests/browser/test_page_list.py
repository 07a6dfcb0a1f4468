"""/dashboard: the list of sweeps, as people use it."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.served import Served


def _names(page: Page) -> Locator:
    """The names that the list shows, in its order."""
    return page.get_by_role("gridcell").get_by_role("link")


def test_the_root_leads_to_the_list(open_page: OpenPage, listed: Served) -> None:
    """The address alone is enough; the page has its title."""
    page = open_page(listed, "/")
    expect(page).to_have_url(re.compile("/dashboard/$"))
    expect(page).to_have_title("Sweeps - Sweepfront")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sweeps")


def test_the_list_tells_how_each_sweep_is_doing(open_page: OpenPage, listed: Served) -> None:
    """Name, status, progress, best value, metric, experiment and backend stand in its row."""
    page = open_page(listed, "/dashboard/?search=listed-good")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="listed-good"))
    best = listed.get("/v1/sweeps/listed-good")["best_trial"]["objective_value"]
    for words in ("completed", f"{best:.6g}", "loss", "of listed-good", "local"):
        expect(row).to_contain_text(words)
    expect(row.get_by_role("img")).to_have_accessible_name(re.compile("4 of 4 trials ended"))
    expect(page.get_by_role("status")).to_have_text("1 sweeps")


def test_search_and_filters_narrow_the_list_and_live_in_the_address(
    open_page: OpenPage, listed: Served
) -> None:
    """What is typed and chosen can be shared as an address."""
    page = open_page(listed)
    page.get_by_role("textbox", name="Search").fill("listed-")
    expect(page).to_have_url(re.compile(r"\?search=listed-$"))
    expect(page.get_by_role("status")).to_have_text("3 sweeps")
    expect(_names(page)).to_have_text(["listed-stopped", "listed-bad", "listed-good"])
    page.get_by_role("combobox", name="Status").click()
    page.get_by_role("option", name="failed").click()
    expect(page).to_have_url(re.compile(r"\?search=listed-&status=failed$"))
    expect(page.get_by_role("status")).to_have_text("1 sweeps")
    expect(_names(page)).to_have_text(["listed-bad"])

    shared = open_page(listed, "/dashboard/?search=listed-g&status=completed")
    expect(shared.get_by_role("textbox", name="Search")).to_have_value("listed-g")
    expect(shared.get_by_role("combobox", name="Status")).to_have_value("completed")
    expect(_names(shared)).to_have_text(["listed-good"])


def test_the_columns_sort(open_page: OpenPage, listed: Served) -> None:
    """A click on a column's head puts the rows in its order."""
    page = open_page(listed, "/dashboard/?search=listed-")
    page.get_by_role("columnheader", name="Sweep").click()
    expect(page.get_by_role("columnheader", name="Sweep")).to_have_attribute(
        "aria-sort", "ascending"
    )
    expect(_names(page)).to_have_text(["listed-bad", "listed-good", "listed-stopped"])
    page.get_by_role("columnheader", name="Sweep").click()
    expect(_names(page)).to_have_text(["listed-stopped", "listed-good", "listed-bad"])


def test_a_new_sweep_appears_without_a_reload(open_page: OpenPage, listed: Served) -> None:
    """The list is live: what is submitted elsewhere is seen here."""
    page = open_page(listed, "/dashboard/?search=seen-")
    space = {"x": {"type": "choice", "values": [0.5]}}
    body = {
        "name": "seen-later",
        "trial": {"command": "python quadratic.py --x ${{search_space.x}}", "code": "job"},
        "search_space": space,
        "sampling_algorithm": "grid",
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": 1},
    }
    listed.submit(body)
    expect(page.get_by_role("link", name="seen-later")).to_be_visible(timeout=25_000)


def test_where_nothing_is_found_the_list_says_so(open_page: OpenPage, listed: Served) -> None:
    """A search without results is no invitation to a first sweep."""
    page = open_page(listed, "/dashboard/?search=no-such-sweep")
    expect(page.get_by_role("status")).to_have_text("0 sweeps")
    expect(page.get_by_role("button", name="Run the example")).to_be_hidden()
