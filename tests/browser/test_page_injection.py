"""Texts that would be scripts if any page took them for markup: every page, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.visits import settled
from tests.security.hostile import HTML, sweep, write_code
from tests.served import Served

PWNED = "() => window.__pwned"
PLACES = (
    "/dashboard/?search=hostile-",
    "/dashboard/sweeps/hostile-shown",
    "/dashboard/sweeps/hostile-breaks",
    "/dashboard/sweeps/hostile-shown/trials/0",
    "/dashboard/sweeps/hostile-shown/trials/1",
    "/dashboard/sweeps/hostile-breaks/trials/0",
    "/dashboard/compare?sweeps=hostile-shown,hostile-breaks",
    "/dashboard/models",
    "/dashboard/models/hostile",
    "/docs",
)
IN_ADDRESSES = (
    "/dashboard/?search={}",
    "/dashboard/?status={}&backend={}&sort={}",
    "/dashboard/sweeps/{}",
    "/dashboard/sweeps/hostile-shown?tab={}&x={}&by={}",
    "/dashboard/sweeps/hostile-shown/trials/{}",
    "/dashboard/compare?sweeps={}",
    "/dashboard/models/{}",
    "/dashboard/new?from={}&example={}",
    "/dashboard/{}",
    "/embed/{}/history?token={}",
    "/sign-in/?next={}",
    "/docs?url={}#{}",
)


@pytest.fixture(scope="module")
def shown(service: Served, scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A service with sweeps whose names, values, tags, logs, metrics and files are such texts."""
    mark = tmp_path_factory.mktemp("shown") / "mark"
    write_code(scripts, mark)
    for name, more in {"hostile-shown": (), "hostile-breaks": ("--fail",)}.items():
        body = sweep(name, mark, *more)
        if more:
            body["objective"]["primary_metric"] = HTML[0]
        service.submit(body)
    assert service.finished("hostile-shown")["status"] == "completed"
    assert service.finished("hostile-breaks")["status"] == "failed"
    register = {
        "model_name": "hostile",
        "description": "\n".join(HTML),
        "tags": {f"text {number}": text for number, text in enumerate(HTML)},
    }
    answer = service.client.post("/v1/sweeps/hostile-shown/register", json=register)
    assert answer.is_success, answer.text
    hook = {"url": "https://hooks.invalid/", "description": HTML[0]}
    assert service.client.post("/v1/webhooks", json=hook).is_success
    return service


def _untouched(page: Page, dialogs: list[str], where: str) -> None:
    """No text became a script, an element of ours, or a dialog."""
    assert page.evaluate(PWNED) is None, where
    assert not dialogs, where
    planted = "img[src='x'], iframe[srcdoc], svg[onload], [onmouseover], [onfocus][autofocus]"
    assert page.locator(planted).count() == 0, where
    script = "a[href^='javascript:' i]"
    assert page.locator(script).count() == 0, where


def _open(open_page: OpenPage, service: Served) -> tuple[Page, list[str]]:
    page = open_page(service, tolerated="404|403|422|Not Found|Forbidden|Content|Deprecated")
    dialogs: list[str] = []

    def told(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", told)
    return page, dialogs


@pytest.mark.slow
def test_the_texts_are_there_and_nothing_of_them_runs(open_page: OpenPage, shown: Served) -> None:
    """On the list, the pages of sweeps, trials, models, and when sweeps are compared."""
    page, dialogs = _open(open_page, shown)
    home = str(shown.client.base_url).rstrip("/")
    seen = ""
    for where in PLACES:
        page.goto(home + where)
        settled(page)
        for tab in page.get_by_role("tab").all():
            tab.click()
            settled(page)
            _untouched(page, dialogs, where)
        for chart in page.locator("canvas").all()[:3]:
            chart.hover(force=True)
        seen += page.locator("body").inner_text()
        _untouched(page, dialogs, where)
    assert sum(text in seen for text in HTML) >= 3, "they are shown as what they are"


@pytest.mark.slow
def test_nothing_in_an_address_runs(open_page: OpenPage, shown: Served) -> None:
    """Nor what a link to a page carries."""
    page, dialogs = _open(open_page, shown)
    home = str(shown.client.base_url).rstrip("/")
    for where in IN_ADDRESSES:
        for text in HTML[:4]:
            quoted = "".join(f"%{byte:02x}" for byte in text.encode())
            page.goto(home + where.replace("{}", quoted))
            if page.locator("#app").count():  # else it is a problem, as JSON
                settled(page)
            _untouched(page, dialogs, where)


@pytest.mark.slow
def test_the_editor_shows_a_hostile_document_as_text(open_page: OpenPage, shown: Served) -> None:
    """With what is wrong in it, which repeats parts of it."""
    page, dialogs = _open(open_page, shown)
    page.goto(str(shown.client.base_url).rstrip("/") + "/dashboard/new?from=hostile-shown")
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _untouched(page, dialogs, "new")
    editor = page.locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(
        "name: '<img src=x onerror=window.__pwned=1>'\n"
        "'<svg/onload=window.__pwned=3>': 1\n"
        "search_space: {'<img src=x onerror=window.__pwned=1>': {type: '</script><script>window.__pwned=2</script>'}}\n"
    )
    expect(page.get_by_text("onerror=window.__pwned=1").first).to_be_visible()
    settled(page)
    _untouched(page, dialogs, "new")
