"""What the pages' tests rely on: the browser reaches no other host, and a visit notices all."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error

from tests.browser.visits import Visit, begin
from tests.served import Served


@pytest.fixture
def visit(browser: Browser, service: Served) -> Iterator[Visit]:
    """A window on an answer of the API."""
    home = str(service.client.base_url)
    visit = begin(browser, home, tolerated="of no concern")
    visit.page.goto(f"{home}/readyz")
    yield visit
    visit.context.close()


@pytest.mark.parametrize("url", ["https://example.com/a.js", "http://192.0.2.7/", "ws://[::1]:9/"])
def test_no_other_host_is_reached_and_the_wish_is_noted(visit: Visit, url: str) -> None:
    """Names, addresses and sockets alike."""
    what = f"new WebSocket('{url}')" if url.startswith("ws") else f"fetch('{url}')"
    visit.page.evaluate(f"() => {{ try {{ {what} }} catch {{}} }}")
    visit.page.wait_for_timeout(200)
    assert f"asked another host: {url}" in visit.troubles()


def test_another_host_cannot_be_opened(visit: Visit) -> None:
    """The browser does not even look its address up."""
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        visit.page.goto("http://192.0.2.7/")


def test_errors_are_noted_unless_they_are_tolerated(visit: Visit) -> None:
    """What a page throws, what it prints as an error and what it lacks."""
    assert not visit.troubles()
    visit.page.evaluate("() => console.error('of no concern')")
    visit.page.evaluate("() => console.error('printed')")
    visit.page.evaluate("() => setTimeout(() => { throw new Error('thrown') }, 0)")
    visit.page.evaluate("() => fetch('/no-such-page')")
    visit.page.wait_for_timeout(200)
    found = "\n".join(visit.troubles())
    assert "printed" in found
    assert "thrown" in found
    assert "404" in found
    assert "of no concern" not in found


def test_text_is_drawn(visit: Visit) -> None:
    """There are fonts: wide letters take more room than narrow ones."""
    visit.page.set_content("<span id=a>iiiiiiii</span><br><span id=b>WWWWWWWW</span>")
    width = "id => document.getElementById(id).getBoundingClientRect().width"
    assert 0 < visit.page.evaluate(width, "a") < visit.page.evaluate(width, "b")
