"""What must be true of a service while Azure misbehaves, and of its sweeps afterwards."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from tests.azure_emulator.running import RunningEmulator
from tests.faults.azure_sweeps import CALM, LOGGED, STEPS, TIMEOUT, TRIALS, Claims, Posting
from tests.faults.azure_weather import WORKSPACE
from tests.faults.report import Report, quantile
from tests.served import Json, Served

HELD_SECONDS = 60.0
POST_SECONDS = 1.0
LOCAL_SECONDS = 60.0
UNDER_WAY_SECONDS = 1.0
"""Requests that come so soon after a refusal had left the service before it was heard."""
_PERIODS = 2
_SCAN_SECONDS = 1.0
"""What is due is looked for once a second."""


def check_throttling(emulator: RunningEmulator, report: Report) -> None:
    """No request of the whole workspace within Retry-After, and one in each window after it."""
    requests = emulator.requests(WORKSPACE)
    refusals = emulator.throttled()
    report.count("answers 429", len(refusals))
    for at, seconds in refusals:
        early = [r for r in requests if at + UNDER_WAY_SECONDS < r < at + seconds]
        for request in early:
            report.broken(f"a request {request - at:.2f} s after a 429 with Retry-After: {seconds}")
    windows = [
        (before + seconds, after)
        for (before, seconds), (after, _) in itertools.pairwise(refusals)
        if after >= before + seconds
    ]
    for begin, end in windows:
        attempts = sum(begin <= request <= end for request in requests)
        report.count("windows with one attempt", int(attempts == 1))
        report.hold("attempts in the window before the next 429", 1, attempts)


def check_looks(looks: Sequence[float], now: float, period: float, report: Report) -> None:
    """Between two looks at an untroubled sweep lie less than two periods."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(looks)]
    if looks:
        gaps.append(now - looks[-1])  # the next one may come a moment later
    for gap in gaps:
        report.took("looks at the untroubled sweep, apart", gap)
        if gap > _PERIODS * period + _SCAN_SECONDS:
            report.broken(f"no look at the untroubled sweep for {gap:.1f} s, period {period} s")


def check(
    service: Served, posting: Posting, claims: Claims, jobs: Sequence[str], report: Report
) -> None:
    """All sweeps are there once, as one job each, completed, with each report once."""
    wanted = [CALM, *posting.names]
    found = Counter(sweep["name"] for sweep in service.items("/v1/sweeps"))
    promised = Counter([*wanted, *posting.local])
    report.count("sweeps on Azure", len(wanted))
    report.count("jobs", len(jobs))
    report.count("jobs missing or without a sweep", len(set(wanted) ^ set(jobs)))
    report.count("jobs doubled", len(jobs) - len(set(jobs)))
    report.hold("sweeps", promised, found)
    report.hold("jobs", sorted(wanted), sorted(jobs))
    for name in ("trials", "reports", "reports lost", "reports doubled"):
        report.count(name, 0)
    for name in wanted:
        _check_sweep(service, name, report)
    for name in posting.local:
        local = service.get(f"/v1/sweeps/{name}")
        report.hold(name, "completed", local["status"])
        took = datetime.fromisoformat(local["finished_at"]) - datetime.fromisoformat(
            local["created_at"]
        )
        report.took("local sweeps meanwhile, from POST to end", took.total_seconds())
    if report.longest("local sweeps meanwhile, from POST to end") > LOCAL_SECONDS:
        report.broken("a local sweep had to wait")
    seconds, name = claims.longest
    report.took("the longest look, or wait for it", seconds)
    if seconds > HELD_SECONDS:
        report.broken(f"a thread was held by {name} for {seconds:.0f} s")
    _check_posts(report.durations["POST answered"], report)


def _check_posts(took: Sequence[float], report: Report) -> None:
    """None waits for Azure, which would take TIMEOUT; nearly all take less than a second."""
    report.count("POSTs of a second or longer", sum(each >= POST_SECONDS for each in took))
    if quantile(took, 0.95) >= POST_SECONDS or max(took) >= TIMEOUT:
        report.broken(f"POSTs took {quantile(took, 0.95):.2f} s (p95), {max(took):.2f} s (max)")


def _check_sweep(service: Served, name: str, report: Report) -> None:
    sweep = service.get(f"/v1/sweeps/{name}")
    if sweep["status"] != ("canceled" if name == CALM else "completed"):
        report.broken(f"{name} is {sweep['status']}: {sweep['status_reason']}")
        return
    trials = service.items(f"/v1/sweeps/{name}/trials?sort=number")
    total = 1 if name == CALM else TRIALS
    report.hold(f"trials of {name}", list(range(total)), [trial["number"] for trial in trials])
    for trial in trials:
        report.count("trials")
        path = f"/v1/sweeps/{name}/trials/{trial['number']}/metrics"
        reports = service.items(path)
        for metric in LOGGED:
            own = [each for each in reports if each["name"] == metric]
            _check_reports(own, f"{name} {trial['number']} {metric}", name != CALM, report)


def _check_reports(own: Sequence[Json], what: str, complete: bool, report: Report) -> None:  # noqa: FBT001 - of one caller
    steps = [each["step"] for each in own]
    wanted = list(range(STEPS if complete else len(steps)))
    report.count("reports", len(steps))
    report.count("reports lost", len(set(wanted) - set(steps)))
    report.count("reports doubled", len(steps) - len(set(steps)))
    report.hold(f"steps of {what}", wanted, steps)
    report.hold(f"intervals of {what}", list(range(1, len(own) + 1)), [e["interval"] for e in own])
