"""What must be true after PostgreSQL's faults, as the service tells it over HTTP."""

import time
from collections import Counter
from collections.abc import Sequence

from tests.faults.callers import Caller, GaveUpError
from tests.faults.database_work import LOGGED, MODEL, STEPS, TRIALS, Work
from tests.faults.report import Report
from tests.faults.streams import Follower
from tests.served import FINISHED, Json

END_SECONDS = 300.0
"""How long the sweeps that wait at the end may take."""


def check(caller: Caller, work: Work, followers: Sequence[Follower], report: Report) -> None:
    """Wait until all sweeps have ended, and check each, the events and the models."""
    for name in ("sweeps accepted", "sweeps lost", "sweeps doubled", "trials", "reports"):
        report.count(name, 0)
    for name in ("reports lost", "reports doubled"):
        report.count(name, 0)
    try:
        _await_ends(caller, work)
        _check_sweeps(caller, work, report)
        _check_models(caller, work, report)
        _check_events(caller, followers, report)
    except GaveUpError as error:
        report.broken(str(error))


def _await_ends(caller: Caller, work: Work) -> None:
    deadline = time.monotonic() + END_SECONDS
    left = {*work.accepted, *work.canceled}
    while left:
        left = {n for n in left if caller.get(f"/v1/sweeps/{n}")["status"] not in FINISHED}
        if time.monotonic() > deadline:
            raise GaveUpError(f"not ended in {END_SECONDS:.0f} s: {sorted(left)}")
        time.sleep(0.2)


def _check_sweeps(caller: Caller, work: Work, report: Report) -> None:
    promised = [*work.accepted, *work.canceled]
    found = Counter(sweep["name"] for sweep in caller.items("/v1/sweeps"))
    missing, surplus = Counter(promised) - found, found - Counter(promised)
    report.count("sweeps accepted", len(promised))
    report.count("sweeps lost", missing.total())
    report.count("sweeps doubled", surplus.total())
    report.hold("sweeps that are missing", Counter(), missing)
    report.hold("sweeps that nobody posted, or twice", Counter(), surplus)
    for name in promised:
        sweep = caller.get(f"/v1/sweeps/{name}")
        wanted = ("completed",) if name in work.accepted else ("completed", "canceled")
        if sweep["status"] not in wanted:
            report.broken(f"{name} is {sweep['status']}: {sweep['status_reason']}")
        if sweep["status"] == "completed":
            _check_trials(caller, name, report)


def _check_trials(caller: Caller, name: str, report: Report) -> None:
    trials = caller.items(f"/v1/sweeps/{name}/trials?sort=number")
    report.hold(f"{name}: its trials", list(range(TRIALS)), [trial["number"] for trial in trials])
    for trial in trials:
        report.count("trials")
        reports = caller.items(f"/v1/sweeps/{name}/trials/{trial['number']}/metrics")
        for metric in LOGGED:
            steps = [each["step"] for each in reports if each["name"] == metric]
            _count(report, "reports", list(range(STEPS)), steps)
            report.hold(f"{name} {trial['number']} {metric}", list(range(STEPS)), steps)


def _check_models(caller: Caller, work: Work, report: Report) -> None:
    if not work.versions:
        return
    found = caller.items(f"/v1/models/{MODEL}")
    report.count("registrations answered", len(work.versions))
    numbers = sorted(version["version"] for version in found)
    report.hold("versions", list(range(1, len(found) + 1)), numbers)
    answered: dict[int, Json] = {answer["version"]: answer for answer in work.versions}
    report.hold("registrations and versions", len(work.versions), len(answered))
    for version in found:
        answer = answered.get(version["version"])
        if answer is None:
            report.broken(f"version {version['version']} was never answered")
        else:
            report.hold(f"version {version['version']}", answer["sha256"], version["sha256"])


def _check_events(caller: Caller, followers: Sequence[Follower], report: Report) -> None:
    pages = [event["id"] for event in caller.items("/v1/events?after=0", following="after")]
    for follower in followers:
        report.count("streams opened", follower.streams)
        if not follower.until(pages[-1], within=30):
            report.broken(f"a stream has not arrived at {pages[-1]}: {follower.ids[-1:]}")
        _count(report, "events to the streams", pages, follower.ids[: len(pages)])
        report.hold("events of a stream", pages, follower.ids[: len(pages)])


def _count(report: Report, what: str, wanted: Sequence[int], found: Sequence[int]) -> None:
    report.count(what, len(found))
    report.count(f"{what} lost", len(set(wanted) - set(found)))
    report.count(f"{what} doubled", len(found) - len(set(found)))
