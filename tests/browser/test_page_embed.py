"""/embed/{sweep}/{view}: a chart for a frame on somebody else's page."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.visits import settled
from tests.served import Served


@pytest.mark.parametrize("view", ["history", "parallel-coordinates"])
def test_a_link_with_a_token_shows_the_chart_alone(
    open_page: OpenPage, listed: Served, view: str
) -> None:
    """Named for screen readers, without the navigation."""
    body = {"sweep": "listed-good", "view": view}
    made = listed.client.post("/v1/embed-tokens", json=body)
    assert made.is_success, made.text
    page = open_page(listed, made.json()["path"])
    settled(page)
    expect(page.get_by_role("img")).to_have_accessible_name(re.compile("of 4 trials"))
    expect(page.get_by_role("navigation")).to_have_count(0)
    violations = Axe().run(page).response["violations"]
    assert not [each["id"] for each in violations if each["impact"] in {"serious", "critical"}]


def test_without_a_good_token_nothing_is_shown(open_page: OpenPage, listed: Served) -> None:
    """But a word on why."""
    page = open_page(listed, "/embed/listed-good/history?token=made-up", tolerated="403")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("img")).to_have_count(0)
