"""Behind a proxy that removes a path prefix, every page works as it does without."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.proxy import PrefixProxy, prefix_proxy
from tests.served import document, served

PREFIX = "/sweeps-at-work"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefixProxy]:
    """A proxy before a service with one sweep."""
    folder = tmp_path_factory.mktemp("prefix")
    with (
        served(folder / "data", environment={"SWEEPFRONT_ROOT_PATH": PREFIX}) as service,
        prefix_proxy(PREFIX, service.port) as running,
    ):
        space = {"x": {"type": "choice", "values": [1]}}
        service.submit({**document("python -c pass", space), "name": "behind"})
        service.finished("behind")
        yield running


def test_the_page_lives_below_the_prefix(open_page: OpenPage, proxy: PrefixProxy) -> None:
    """The start leads to it, its files load, its socket connects, its links and its address fit."""
    home = f"http://127.0.0.1:{proxy.port}{PREFIX}"
    page = open_page(home, "/")
    expect(page).to_have_url(f"{home}/dashboard/")
    page.wait_for_function("() => window.did_handshake")
    page.get_by_role("textbox", name="Search").fill("behind")
    expect(page).to_have_url(f"{home}/dashboard/?search=behind")
    link = page.get_by_role("link", name="behind")
    expect(link).to_have_attribute("href", f"{PREFIX}/dashboard/sweeps/behind")
    for words, path in (("Sweepfront", "/dashboard/"), ("Models", "/dashboard/models")):
        expect(page.get_by_role("link", name=words)).to_have_attribute("href", PREFIX + path)
    page.get_by_role("link", name="API").click()
    expect(page).to_have_url(re.compile(f"{PREFIX}/docs"))
    expect(page.get_by_role("button", name="POST /v1/sweeps", exact=False).first).to_be_visible()
    assert not proxy.strays


def test_what_is_deeper_lives_below_it_too(open_page: OpenPage, proxy: PrefixProxy) -> None:
    """A sweep's page, its trial's with what the backend has, and a chart in a frame."""
    home = f"http://127.0.0.1:{proxy.port}{PREFIX}"
    page = open_page(home, "/dashboard/sweeps/behind")
    expect(page.get_by_role("img", name="Timeline")).to_be_visible()
    page.get_by_role("link", name="Trial 0").click()
    expect(page).to_have_url(f"{home}/dashboard/sweeps/behind/trials/0")
    log = page.get_by_role("link", name="Download stdout")
    expect(log).to_have_attribute("href", re.compile(f"^{PREFIX}/v1/sweeps/behind/trials/0/logs"))
    made = page.request.post(f"{home}/v1/embed-tokens", data={"sweep": "behind"}).json()
    assert made["path"].startswith(f"{PREFIX}/embed/behind/history?token=")
    chart = open_page(home, made["path"].removeprefix(PREFIX))
    expect(chart.get_by_role("img", name="Optimisation history")).to_be_visible()
    assert not proxy.strays
