"""`make screenshots`: pictures of the page for docs/images, so that they stay true.

A service is served, sweeps run on it, and its pages are photographed as they then are.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.sweep.examples import EXAMPLES, SEED
from tests.browser.chromium import launch
from tests.browser.visits import begin, settled
from tests.served import ROOT, Json, Served, served

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 150_000
_SETTLED_MS = 1500
_WITHIN = 600.0


STOPPING = "concrete-median"
"""The sweep whose hopeless trials are stopped; its page is shown."""


def _documents() -> list[Json]:
    """The example, a Sobol sequence of it, a longer sweep with early termination."""
    longer: Json = {
        **EXAMPLES["median"]["value"],
        "limits": {"max_total_trials": 32, "max_concurrent_trials": 2},
    }
    return [
        {**SEED, "name": "concrete-first"},
        {**EXAMPLES["sobol"]["value"], "name": "concrete-sobol"},
        {**longer, "name": STOPPING},
    ]


def _run(service: Served) -> None:
    """Run them one after the other, and leave one more at work."""
    for document in _documents():
        service.finished(service.submit(document)["name"], within=_WITHIN)
    last = service.submit({**_documents()[-1], "name": "concrete-again"})
    service.until(last["name"], lambda sweep: sweep["trial_counts"]["completed"] > 1)


def _stopped_trial(service: Served, name: str) -> int:
    """The number of a trial that early termination has stopped."""
    trials = service.items(f"/v1/sweeps/{name}/trials")
    return int(next(each["number"] for each in trials if each["status"] == "early_terminated"))


def _photograph(page: Page, address: str, name: str) -> None:
    page.goto(address)
    settled(page)
    page.wait_for_timeout(_SETTLED_MS)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    assert size < MOST_BYTES, f"{path} has {size} bytes"
    print(f"{path.relative_to(ROOT)}: {size // 1000} kB")


def _photographs(browser: Browser, service: Served) -> None:
    home = str(service.client.base_url).rstrip("/")
    visit = begin(browser, home)
    stopped = _stopped_trial(service, STOPPING)
    pages = {
        "sweeps": "",
        "sweep": f"sweeps/{STOPPING}",
        "trial": f"sweeps/{STOPPING}/trials/{stopped}",
    }
    for name, path in pages.items():
        _photograph(visit.page, f"{home}/dashboard/{path}", name)
    visit.context.close()
    assert not visit.troubles(), visit.troubles()


def main() -> None:
    """Take them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder) / "data") as service,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        _run(service)
        _photographs(browser, service)


if __name__ == "__main__":
    main()
