"""Pages of others: the example of docs/views.md, and a chart in a frame."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.served import ROOT, Served, served, slow_sweep

_FRAME = '<!doctype html><title>Wiki</title><h1>Wiki</h1><iframe src="{}" width=600 height=400>'


@contextmanager
def web_server(folder: Path) -> Iterator[int]:
    """Serves a folder; its port."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A folder that another web server serves, with the example in it, and its port."""
    folder = tmp_path_factory.mktemp("elsewhere")
    example = ROOT / "examples" / "own-dashboard.html"
    (folder / example.name).write_bytes(example.read_bytes())
    with web_server(folder) as port:
        yield folder, port


@pytest.fixture(scope="module")
def open_service(
    tmp_path_factory: pytest.TempPathFactory, scripts: Path, elsewhere: tuple[Path, int]
) -> Iterator[Served]:
    """A service that lets that other server's pages read its answers and frame its charts."""
    origin = f"http://127.0.0.1:{elsewhere[1]}"
    variables = {"SWEEPFRONT_CORS_ORIGINS": origin, "SWEEPFRONT_EMBED_ORIGINS": origin}
    data = tmp_path_factory.mktemp("open") / "data"
    with served(data, code_root=scripts, environment=variables) as service:
        yield service


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window; the test fails if its page errs."""
    context = browser.new_context()
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors


def test_the_example_follows_a_sweep(
    page: Page, open_service: Served, elsewhere: tuple[Path, int]
) -> None:
    """From its first trial to its last, without being loaded again."""
    name = open_service.submit(slow_sweep(5, 4, 0.2))["name"]
    open_service.until(name, lambda sweep: sweep["trial_counts"]["running"] > 0)
    address = f"http://127.0.0.1:{elsewhere[1]}/own-dashboard.html"
    page.goto(f"{address}?service={str(open_service.client.base_url).rstrip('/')}&sweep={name}")
    page.evaluate("globalThis.loaded = true")
    expect(page.get_by_role("status")).to_have_text("5 trials, best 0.00000 (trial 0)")
    expect(page.locator("#chart circle")).to_have_count(5)
    open_service.finished(name)
    expect(page.locator('#chart circle[data-status="completed"]')).to_have_count(5)
    assert page.evaluate("globalThis.loaded")


def test_a_chart_is_framed_by_known_origins_only(
    page: Page, open_service: Served, elsewhere: tuple[Path, int]
) -> None:
    """The same page of another origin gets nothing."""
    folder, port = elsewhere
    name = open_service.submit(slow_sweep(2, 1, 0.0))["name"]
    open_service.finished(name)
    made = open_service.client.post("/v1/embed-tokens", json={"sweep": name, "view": "history"})
    address = f"{str(open_service.client.base_url).rstrip('/')}{made.json()['path']}"
    (folder / "wiki.html").write_text(_FRAME.format(address))
    page.goto(f"http://127.0.0.1:{port}/wiki.html")
    chart = page.frame_locator("iframe").get_by_role("img")
    expect(chart).to_have_accessible_name(
        "Optimisation history: objectives of 2 trials; the best so far is 0"
    )
    with web_server(folder) as unknown:
        page.goto(f"http://127.0.0.1:{unknown}/wiki.html")
        expect(page.get_by_role("heading", name="Wiki")).to_be_visible()
        expect(chart).to_have_count(0)
        assert page.frames[1].url.startswith("chrome-error:")
