"""Pages opened in a real browser; a page that errs or asks another host fails its test."""

import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import available, launch, required
from tests.browser.visits import NOTHING, Theme, Visit, begin, ready
from tests.served import ROOT, Served, document, slow_sweep

ARTIFACTS = ROOT / "test-artifacts"
_FAILED = pytest.StashKey[bool]()


class OpenPage(Protocol):
    """Opens a page in a new window and waits until it listens; see `visits.begin`."""

    def __call__(
        self,
        home: Served | str,
        path: str = "/dashboard/",
        *,
        theme: Theme = "light",
        phone: bool = False,
        tolerated: str = NOTHING,
    ) -> Page:
        """The page at `path` below a service, or below the address of what stands before it."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Before any service is started for it: without a browser the test is skipped."""
    if not required() and not available():
        pytest.skip("no Chromium: install one, or have `playwright install chromium` do it")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test has failed, for the end of its fixtures."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; it ends with the file's tests, since Playwright occupies asyncio's loop."""
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture
def artifacts(request: pytest.FixtureRequest) -> Path:
    """The folder of what is kept of a test: of failures always, of walks as they choose."""
    folder = ARTIFACTS / re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    shutil.rmtree(folder, ignore_errors=True)
    return folder


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest, browser: Browser, artifacts: Path
) -> Iterator[OpenPage]:
    """Opens pages; the test fails if one of them erred or asked another host."""
    visits: list[Visit] = []

    def opened(
        home: Served | str,
        path: str = "/dashboard/",
        *,
        theme: Theme = "light",
        phone: bool = False,
        tolerated: str = NOTHING,
    ) -> Page:
        address = home if isinstance(home, str) else str(home.client.base_url)
        visit = begin(browser, address, theme=theme, phone=phone, tolerated=tolerated)
        visits.append(visit)
        visit.page.goto(address.rstrip("/") + path)
        if "/dashboard" in visit.page.url:
            ready(visit.page)
        return visit.page

    yield opened
    troubles = [trouble for visit in visits for trouble in visit.troubles()]
    if troubles or request.node.stash.get(_FAILED, False):
        for number, visit in enumerate(visits):
            visit.keep(artifacts, f"page-{number}")
    for visit in visits:
        visit.context.close()
    assert not troubles, troubles


@pytest.fixture(scope="session")
def listed(service: Served) -> Served:
    """The service of the small scripts, with what its pages can show.

    A sweep that completed and is registered as `listed-model`, one that failed, one of which early
    termination has stopped the second trial.
    """
    space = {"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}}
    stopping = {**slow_sweep(2, 20, 0.05), "limits": {"max_total_trials": 2}}
    stopping["search_space"]["level"]["values"] = [1, 9]
    stopping["limits"]["max_concurrent_trials"] = 1
    stopping["early_termination"] = {"type": "bandit", "slack_factor": 0.1}
    sweeps = {
        "listed-good": document("python quadratic.py --x ${{search_space.x}} --steps 3", space),
        "listed-bad": document("python fails.py", space),
        "listed-stopped": stopping,
    }
    for name, body in sweeps.items():
        body["trial"]["code"] = "job"
        service.submit({**body, "name": name, "experiment_name": f"of {name}"})
    for name in sweeps:
        service.finished(name)
    answer = service.client.post(
        "/v1/sweeps/listed-good/register", json={"model_name": "listed-model"}
    )
    assert answer.is_success, answer.text
    return service
