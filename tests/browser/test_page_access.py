"""Every page for everybody: screen readers, light and dark, phones, the keyboard alone."""

import re
from collections.abc import Sequence

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import DOCS, PAGES, PageAddress
from tests.browser.visits import settled
from tests.served import Served

SERIOUS = {"serious", "critical"}
SWITCH = "Switch between light and dark"


def _findings(page: Page, *left_out: str, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds serious, with the first elements concerned; by some rules only, or by all."""
    settled(page)
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = Axe().run(page, {"exclude": [[each] for each in left_out]}, options).response
    return [
        f"{each['id']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("where", PAGES, ids=str)
def test_axe_finds_nothing_serious_in_light_and_dark(
    open_page: OpenPage, listed: Served, where: PageAddress
) -> None:
    """Names, roles, contrast, in both themes; one heading of level 1, one main, one banner."""
    page = open_page(listed, where.path)
    expect(page).to_have_title(where.title)
    for landmark in ("main", "banner"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert not _findings(page)
    page.get_by_role("button", name=SWITCH).click()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))
    assert not _findings(page, rules=["color-contrast"])


@pytest.mark.slow
def test_every_link_leads_somewhere(open_page: OpenPage, listed: Served) -> None:
    """On every page, downloads included."""
    page = open_page(listed)
    found: dict[str, str] = {}
    for where in PAGES:
        page.goto(f"{str(listed.client.base_url).rstrip('/')}{where.path}")
        settled(page)
        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        found |= dict.fromkeys((link.split("#")[0] for link in links), where.path)
    for address, where_found in found.items():
        assert listed.client.get(address).is_success, f"{address} on {where_found}"
    assert len(found) > 20


def test_axe_finds_nothing_serious_in_what_is_ours_of_the_api_page(
    open_page: OpenPage, listed: Served
) -> None:
    """Swagger UI's own findings (contrast, nested controls) are left out: they are not ours."""
    page = open_page(listed, DOCS.path)
    expect(page).to_have_title(DOCS.title)
    expect(page.get_by_role("button", name="POST /v1/sweeps", exact=False).first).to_be_visible()
    assert not _findings(page, "#swagger-ui")


@pytest.mark.slow
def test_no_page_scrolls_sideways_on_a_phone(open_page: OpenPage, listed: Served) -> None:
    """The pages fit; only tables and charts scroll, within themselves."""
    page = open_page(listed, phone=True)
    for where in (*PAGES, DOCS):
        page.goto(f"{str(listed.client.base_url).rstrip('/')}{where.path}")
        settled(page)
        widths = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1] == 390, where


def test_a_phone_shows_the_names_of_the_sweeps(open_page: OpenPage, listed: Served) -> None:
    """No column shrinks to nothing."""
    page = open_page(listed, "/dashboard/?search=listed-", phone=True)
    cell = page.get_by_role("gridcell", name="listed-good", exact=True)
    box = cell.bounding_box()
    assert box is not None
    assert box["width"] > 100


def test_the_theme_follows_the_machine_until_it_is_chosen(
    open_page: OpenPage, listed: Served
) -> None:
    """What is chosen outlives a reload, and another page has it, too."""
    page = open_page(listed, theme="dark")
    body = page.locator("body")
    expect(body).to_have_class(re.compile("body--dark"))
    page.get_by_role("button", name=SWITCH).click()
    expect(body).not_to_have_class(re.compile("body--dark"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(body).not_to_have_class(re.compile("body--dark"))


def _focused(page: Page) -> str:
    """The role or tag, and the name, of the element that the keyboard is at."""
    found: str = page.evaluate(
        "() => { const e = document.activeElement; "
        "return (e.getAttribute('role') || e.tagName.toLowerCase()) + ' ' "
        "+ (e.getAttribute('aria-label') || e.innerText).trim() }"
    )
    return found


def test_the_keyboard_alone_reaches_all_in_order(open_page: OpenPage, listed: Served) -> None:
    """Navigation, theme, search, filters, the list; Enter opens the sweep one stands on."""
    page = open_page(listed, "/dashboard/?search=listed-good")
    expect(page.get_by_role("gridcell", name="listed-good", exact=True)).to_be_visible()
    stops: list[str] = []
    while len(stops) < 40 and "gridcell listed-good" not in stops:
        page.keyboard.press("Tab")
        stops.append(_focused(page))
    wanted = ["a Skip to main content", "a Sweepfront", "a Sweeps", "a New sweep", "a API"]
    wanted += [f"button {SWITCH}", "input Search", "combobox Status", "combobox Backend"]
    wanted += ["columnheader Sweep", "gridcell listed-good"]
    assert [stop for stop in stops if stop in wanted] == wanted
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/dashboard/sweeps/listed-good$"))


def test_the_skip_link_leads_past_the_navigation(open_page: OpenPage, listed: Served) -> None:
    """One Tab and Enter, and the next Tab is in the content."""
    page = open_page(listed)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert _focused(page) == "input Search"
