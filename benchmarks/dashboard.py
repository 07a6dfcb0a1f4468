"""The page and its data with many records; `make bench-dashboard`.

2,000 sweeps in the list, one of them with 1,000 trials of 200 reports; a real service, a real
browser. Prints figures beside the targets.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.dashboard_events import Readers, submissions
from benchmarks.dashboard_records import BIG, fill
from tests.browser.chromium import launch
from tests.served import Served, document, served

VIEWS = ("history", "parallel-coordinates", "learning-curves", "importance", "slice", "timeline")
CHARTS = "document.querySelectorAll('.sf-chart canvas').length >= 6"
ROWS = "document.querySelectorAll('.ag-row').length > 5"
_TICKING = """
import sys, time, mlflow
for _ in range(int(sys.argv[1])):
    mlflow.log_metric("loss", time.time() % 1000)
    time.sleep(1.5)
"""
_SHOWN = """() => {
  const cell = document.querySelector('.ag-row [col-id="objective"]');
  const value = parseFloat(cell ? cell.textContent : "");
  if (!value || value === globalThis.seen) return null;
  globalThis.seen = value;
  return (Date.now() / 1000) % 1000 - value;
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweeps", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--readers", type=int, default=200)
    options = parser.parse_args()
    console = Console(width=110)
    table = Table("what", "measured", "target")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "job").mkdir()
        (folder / "job" / "ticking.py").write_text(_TICKING)
        console.print("writing records ...")
        fill(folder / "data", count=options.sweeps, trials=options.trials, reports=options.reports)
        with served(folder / "data", code_root=folder) as service:
            before = service.memory()
            pages(service, table)
            views(service, table)
            readers(service, options.readers, table)
            table.add_row(
                "memory, before and after", f"{before:.0f}, {service.memory():.0f} MB", ""
            )
    console.print(table)


def pages(service: Served, table: Table) -> None:
    """How soon pages can be used, and an event is seen."""
    address = f"http://127.0.0.1:{service.port}/dashboard"
    with sync_playwright() as playwright, launch(playwright) as chromium:
        page = chromium.new_page()
        page.goto(f"{address}/models")  # scripts come from the browser's cache from here on
        table.add_row("list of sweeps usable", _opened(page, f"{address}/", ROWS), "1.0 s")
        big = f"{address}/sweeps/{BIG}"
        table.add_row("sweep: header and trials", _opened(page, big, ROWS), "2.0 s")
        table.add_row("sweep: all charts drawn", _opened(page, big, CHARTS), "2.0 s")
        table.add_row("event on the page after its log", _seen(service, page, address), "1.0 s")


def _opened(page: Page, address: str, usable: str) -> str:
    took = []
    for _ in range(5):
        started = time.monotonic()
        page.goto(address, wait_until="commit")
        page.wait_for_function(usable)
        took.append(time.monotonic() - started)
    return f"{statistics.median(took):.2f} s (most {max(took):.2f})"


def _seen(service: Served, page: Page, address: str) -> str:
    limits = {"max_total_trials": 1, "max_concurrent_trials": 1}
    body = document(
        "python ticking.py 12",
        {"x": {"type": "choice", "values": [1]}},
        code="job",
        objective={"primary_metric": "loss", "goal": "maximize"},
        limits=limits,
    )
    name = service.submit(body)["name"]
    page.goto(f"{address}/sweeps/{name}")
    service.until(name, lambda sweep: sweep["trial_counts"]["running"] == 1)
    late = [page.wait_for_function(_SHOWN).json_value() for _ in range(8)][1:]
    service.finished(name)
    return f"{statistics.median(late):.2f} s (most {max(late):.2f})"


def views(service: Served, table: Table) -> None:
    """How long answers take: the first, further ones with other options, and not modified."""
    first: dict[str, float] = {}
    further: list[float] = []
    unchanged: list[float] = []
    for kind in VIEWS:
        path = f"/v1/sweeps/{BIG}/views/{kind}"
        first[kind], answer = _timed(service, path)
        tag = {"If-None-Match": answer.headers["ETag"]}
        for _ in range(20):
            further.append(_timed(service, path)[0])
            unchanged.append(_timed(service, path, tag)[0])
    slowest = max(first, key=lambda kind: first[kind])
    words = (
        f"{1000 * statistics.median(first.values()):.0f} ms ({slowest} {1000 * first[slowest]:.0f})"
    )
    table.add_row("views, first answer", words, "100 ms")
    table.add_row("views, further answers", f"{1000 * statistics.median(further):.1f} ms", "100 ms")
    table.add_row("views, not modified", f"{1000 * statistics.median(unchanged):.1f} ms", "5 ms")


def readers(service: Served, count: int, table: Table) -> None:
    """How much slower submissions are while many read the events."""
    alone, beside = [], []
    for _ in range(3):
        alone.append(submissions(service))
        with Readers(service, count):
            beside.append(submissions(service))
    ratio = statistics.median(beside) / statistics.median(alone)
    words = f"{ratio:.2f} times ({1000 * statistics.median(alone):.1f} ms each alone)"
    table.add_row(f"submissions beside {count} readers", words, "1.20 times")


def _timed(
    service: Served, path: str, headers: dict[str, str] | None = None
) -> tuple[float, httpx.Response]:
    started = time.monotonic()
    answer = service.client.get(path, headers=headers)
    return time.monotonic() - started, answer


if __name__ == "__main__":
    main()
