"""Ten minutes of a misbehaving Azure under a service at work, through Azure's own SDK.

`python -m tests.faults.azure --minutes 10` has sweeps submitted to an emulated workspace that
throttles, fails, hangs, hangs up, forgets its answers, repeats old ones and lets tokens expire.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.azure_emulator.running import RunningEmulator, running_emulator
from tests.chaos.client import dice_of
from tests.chaos.kinds import write_code
from tests.faults.azure_checks import check, check_looks, check_throttling
from tests.faults.azure_sweeps import CALM, TIMEOUT, Claims, Posting
from tests.faults.azure_weather import KINDS, weather
from tests.faults.report import Report
from tests.served import Served, served

PERIOD = 5.0
"""Seconds between looks at a sweep."""
_SLOTS = 4
_END_SECONDS = 400.0


def run(folder: Path, *, seconds: float, phase: float, sweeps: int, seed: int) -> Report:
    """Let it misbehave.

    Args:
        folder: of the emulator, the service's data and the trials' code.
        seconds: how long in all.
        phase: how long it misbehaves in one way, on average.
        sweeps: how many are submitted meanwhile, beside local ones and one that goes on all along.
        seed: of what is drawn.
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
            _misbehave(emulator, report, seconds=seconds, phase=phase, seed=seed)
            posting.join()
            _let_end(service, calm, posting)
            claims.end()
            check(service, posting, claims, emulator.jobs(), report)
    return report


def _misbehave(
    emulator: RunningEmulator, report: Report, *, seconds: float, phase: float, seed: int
) -> None:
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
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sweepfront-azure-"))
    seconds = 60 * options.minutes
    report = run(folder, seconds=seconds, phase=12.0, sweeps=options.sweeps, seed=options.seed)
    return report.show(f"Azure under faults for {seconds:.0f} s, seed {options.seed} ({folder})")


if __name__ == "__main__":
    sys.exit(main())
