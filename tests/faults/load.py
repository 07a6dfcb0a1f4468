"""Many submissions a second beside many readers of the events, on one service.

`python -m tests.faults.load --rate 50 --seconds 120 --readers 200`. Submissions leave when they are
due, whether or not the ones before have been answered, so that a slow answer holds up none and is
timed from when it was due. Each sweep is one trial that ends at once, on the local engine with
two slots; those that it does not come to wait in its queue, and are followed like all others.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tests.faults.postgres import running_postgres
from tests.faults.report import Report
from tests.served import FINISHED, ROOT, Served, served

_SLOTS = 2


def run(
    folder: Path, *, rate: float, seconds: float, readers: int, database: str = "sqlite"
) -> Report:
    """Submit for so long, then hold what is stored and what was heard against what was answered.

    Args:
        folder: of the service's data.
        rate: submissions a second.
        seconds: how long.
        readers: open streams of all events.
        database: `sqlite` or `postgresql`.
    """
    report = Report()
    with contextlib.ExitStack() as ending:
        url = ""
        if database == "postgresql":
            url = ending.enter_context(running_postgres(folder / "pg")).database("load")
        service = ending.enter_context(served(folder / "data", database_url=url, slots=_SLOTS))
        address = str(service.client.base_url)
        report.count("memory of the service before, MB", round(service.memory()))
        with _started("load_readers", address, str(readers)) as (said, told):
            _line(said)  # all streams are open
            report.count("memory beside the readers, MB", round(service.memory()))
            with _started("load_posts", address, str(rate), str(seconds)) as (posts, _):
                before = sum(service.processor_seconds())
                answers = json.loads(_line(posts))
            used = sum(service.processor_seconds()) - before
            report.took(
                "processor time of the service for each submission", used / (rate * seconds)
            )
            report.count("memory after the submissions, MB", round(service.memory()))
            _check_posts(answers, rate * seconds, report)
            _check_stored(service, answers["accepted"], report)
            events = [event["id"] for event in _events(service)]
            print(events[-1], file=told, flush=True)
            _check_heard(json.loads(_line(said)), events, readers, report)
        report.count("memory at the end, MB", round(service.memory()))
    return report


@contextlib.contextmanager
def _started(module: str, *words: str) -> Iterator[tuple[IO[str], IO[str]]]:
    """A process of ours: what it says, and what it is told."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{module}", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            yield process.stdout, process.stdin
        finally:
            process.kill()


def _line(said: IO[str]) -> str:
    line = said.readline()
    assert line, "the process has ended"
    return line


def _events(service: Served) -> list[dict[str, Any]]:
    return service.items("/v1/events?after=0&limit=200", following="after")


def _check_posts(answers: dict[str, Any], wanted: float, report: Report) -> None:
    report.count("submissions", len(answers["seconds"]))
    report.count("submissions accepted", len(answers["accepted"]))
    report.count("submissions that failed", len(answers["failures"]))
    report.count("answers 503 with Retry-After, posted again", answers["refusals"])
    report.took("from the first submission to the last answer", answers["lasted"])
    for took, late in zip(answers["seconds"], answers["late"], strict=True):
        report.took("POST answered, from when it was due", took)
        report.took("POST left after it was due", late)
    report.hold("submissions", round(wanted), len(answers["seconds"]))
    for words in answers["failures"][:5]:
        report.broken(words)


def _check_stored(service: Served, accepted: list[str], report: Report) -> None:
    found = service.items("/v1/sweeps?limit=200")
    stored = [sweep["name"] for sweep in found]
    report.count("sweeps lost", len(set(accepted) - set(stored)))
    report.count("sweeps doubled", len(stored) - len(set(stored)))
    report.hold("stored sweeps", Counter(accepted), Counter(stored))
    ended = sum(sweep["status"] in FINISHED for sweep in found)
    report.count("sweeps that had ended by then", ended)


def _check_heard(heard: dict[str, Any], events: list[int], readers: int, report: Report) -> None:
    report.count("readers", len(heard["readers"]))
    report.hold("readers", readers, len(heard["readers"]))
    report.count("events", len(events))
    report.count("events delivered", 0)
    report.count("events lost", 0)
    report.count("events doubled", 0)
    report.count("readers that heard each event once, in order", 0)
    for ids in heard["readers"]:
        own = [number for number in ids if number <= events[-1]]
        report.count("events delivered", len(own))
        report.count("events lost", len(set(events) - set(own)))
        report.count("events doubled", len(own) - len(set(own)))
        report.count("readers that heard each event once, in order", int(own == events))
        report.hold("events of a reader", events, own)
    for seconds in heard["seconds"]:
        report.took("event at the first reader after it was written", seconds)


def main() -> int:
    """Run, print; 1 when anything broke."""
    parser = argparse.ArgumentParser(description="Many submissions beside many readers.")
    parser.add_argument("--rate", type=float, default=50.0, help="submissions a second")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long")
    parser.add_argument("--readers", type=int, default=200, help="open streams of events")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sweepfront-load-") as name:
        begun = time.monotonic()
        report = run(Path(name), **vars(options))
        report.took("the whole run", time.monotonic() - begun)
    rate, seconds, readers = options.rate, options.seconds, options.readers
    return report.show(
        f"{rate:g} submissions/s for {seconds:g} s, {readers} readers, {options.database}"
    )


if __name__ == "__main__":
    sys.exit(main())
