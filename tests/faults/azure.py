"""Ten minutes of a misbehaving Azure under a service at work, through Azure's own SDK.

`python -m tests.faults.azure --minutes 10` has sweeps submitted to an emulated workspace that
throttles, fails, hangs, hangs up, forgets its answers, repeats old ones and lets tokens expire;
`--outage`: that answers nobody for half of the time, and hangs up on everybody for the other half.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.azure_emulator.running import RunningEmulator, running_emulator
from tests.chaos.client import dice_of
from tests.chaos.kinds import write_code
from tests.faults.azure_checks import check, check_looks, check_throttling
from tests.faults.azure_sweeps import CALM, TIMEOUT, Claims, Posting
from tests.faults.azure_weather import KINDS, weather
from tests.faults.report import Report
from tests.served import Json, Served, served

PERIOD = 5.0
"""Seconds between looks at a sweep."""
_SLOTS = 4
_END_SECONDS = 400.0
_NOTICED_SECONDS = 60.0


Trouble = Callable[[RunningEmulator, Served, Report], None]
"""What befalls the workspace, from its begin to its end."""


def run(folder: Path, trouble: Trouble, *, seconds: float, sweeps: int) -> Report:
    """Have sweeps submitted while the workspace is in trouble, and await their ends.

    Args:
        folder: of the emulator, the service's data and the trials' code.
        trouble: lasts `seconds`.
        seconds: in which the sweeps are submitted.
        sweeps: how many are, beside local ones and one that goes on all along.
    """
    report = Report()
    write_code(folder / "code")
    with running_emulator(folder / "emulator", slots=_SLOTS) as emulator:
        environment = emulator.environment() | {
            "SWEEPFRONT_POLL_INTERVAL": str(PERIOD),
            "SWEEPFRONT_AZURE_TIMEOUT": str(TIMEOUT),
        }
        data = folder / "data"
        with served(data, code_root=folder / "code", environment=environment) as service:
            posting = Posting(service, report, sweeps=sweeps, within=seconds)
            claims = Claims(data / "sweepfront.db")
            calm = posting.calm()
            service.until(calm, lambda sweep: sweep["trial_counts"]["running"] > 0)
            for thread in (claims, posting):
                thread.start()
            trouble(emulator, service, report)
            posting.join()
            _let_end(service, calm, posting)
            claims.end()
            check(service, posting, claims, emulator.jobs(), report)
    return report


def misbehave(
    emulator: RunningEmulator,
    _: Served,
    report: Report,
    *,
    seconds: float,
    phase: float,
    seed: int,
) -> None:
    """It misbehaves in one way after the other, each for `phase` seconds on average."""
    dice = dice_of(str(seed))
    end = time.monotonic() + seconds
    kinds: list[str] = []
    while time.monotonic() < end:
        kinds = kinds or dice.sample(KINDS, len(KINDS))
        now = weather(kinds.pop(), dice, hang=2 * TIMEOUT)
        report.count(f"phases: {now.kind}")
        begun = time.monotonic()
        emulator.misbehave(*now.faults, token_lifetime=now.token_lifetime)
        if now.kind == "short tokens":
            emulator.revoke()
        # Long enough for some windows.
        last = begun + phase * dice.uniform(0.7, 1.3) * (2 if now.kind == "throttled" else 1)
        time.sleep(max(0.0, min(last, end) - time.monotonic()))
        report.count("requests to the workspace", len(emulator.requests()))
        report.count("requests that met a fault", emulator.disturbed())
        if now.kind == "throttled":
            check_throttling(emulator, report)
        elif not now.whole:
            looks = emulator.requests(f"GET .*/jobs/{CALM}$")
            check_looks(looks, time.monotonic(), PERIOD, report)
    emulator.misbehave()


def away(emulator: RunningEmulator, service: Served, report: Report, *, seconds: float) -> None:
    """It answers nobody for half of the time, and hangs up on everybody for the other half."""
    # The cloud's own answers stop, too, so that no token comes either.
    emulator.misbehave({"match": "", "times": -1, "delay": 2 * TIMEOUT})
    before = service.until(CALM, lambda sweep: sweep["sync_error"], within=_NOTICED_SECONDS)
    half = time.monotonic() + seconds / 2
    _hold_meanwhile(service, before, half, report)
    emulator.misbehave({"match": "", "times": -1, "drop": "before"})
    _hold_meanwhile(service, before, half + seconds / 2, report)
    emulator.misbehave()


def _hold_meanwhile(service: Served, before: Json, end: float, report: Report) -> None:
    """The sweep stays as it was heard of last, and says so; the service is well all along."""
    while time.monotonic() < end:
        now = service.get(f"/v1/sweeps/{CALM}")
        for key in ("status", "last_synced_at", "trial_counts"):
            report.hold(f"{key} of {CALM} while Azure is away", before[key], now[key])
        if not now["sync_error"]:
            report.broken(f"{CALM} does not say that Azure is away")
        report.hold("readiness while Azure is away", "ready", service.get("/readyz")["status"])
        report.count("times the sweep was as before, and the service ready")
        time.sleep(PERIOD)


def _let_end(service: Served, calm: str, posting: Posting) -> None:
    """Wait for the end of every sweep."""
    service.client.post(f"/v1/sweeps/{calm}/cancel")
    for name in (calm, *posting.names, *posting.local):
        service.finished(name, within=_END_SECONDS)


def main() -> int:
    """Run, print; 1 when anything broke."""
    parser = argparse.ArgumentParser(description="An emulated Azure misbehaves.")
    parser.add_argument("--minutes", type=float, default=10.0, help="of real time")
    parser.add_argument("--sweeps", type=int, default=40, help="submitted meanwhile")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    parser.add_argument("--outage", action="store_true", help="it is away all the time")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sweepfront-azure-"))
    seconds = 60 * options.minutes
    if options.outage:
        trouble: Trouble = partial(away, seconds=seconds)
        title = f"Azure away for {seconds:.0f} s ({folder})"
    else:
        trouble = partial(misbehave, seconds=seconds, phase=12.0, seed=options.seed)
        title = f"Azure under faults for {seconds:.0f} s, seed {options.seed} ({folder})"
    return run(folder, trouble, seconds=seconds, sweeps=options.sweeps).show(title)


if __name__ == "__main__":
    sys.exit(main())
