"""PostgreSQL goes, cuts connections off and refuses writes, under a service at work.

`python -m tests.faults.database --rounds 12` has submissions, cancellations, registrations, reads
and streams of events go on meanwhile, and checks at the end that nothing was lost or doubled.
"""

import argparse
import sys
import tempfile
import time
import uuid
from pathlib import Path
from random import Random

from tests.chaos.client import dice_of
from tests.chaos.kinds import write_code
from tests.faults.callers import Caller, GaveUpError, Repeating
from tests.faults.database_checks import check
from tests.faults.database_work import Work
from tests.faults.postgres import RunningPostgres, running_postgres
from tests.faults.report import Report
from tests.faults.streams import Follower
from tests.served import Served

FAULTS = ("stopped and started", "connections cut", "read-only")
ACCEPTED_SECONDS = 10.0
"""After the end of a fault a sweep is accepted within this."""
SUBMITTED_SECONDS = 30.0
"""And handed to its backend; a sweep whose look was cut off waits for the end of its lease, 15 s."""
_FOLLOWERS = 3


def run(folder: Path, *, rounds: int, seed: int) -> Report:
    """Have so many faults, one after the other.

    Args:
        folder: of the server, the service's data and the trials' code.
        rounds: how many faults; each kind in turn.
        seed: of when they come and how long they last.
    """
    report, dice = Report(), dice_of(str(seed))
    write_code(folder / "code")
    with running_postgres(folder / "postgresql") as server:
        url = server.database("sweepfront")
        service = Served(folder / "data", code_root=folder / "code", database_url=url)
        service.start()
        try:
            _under_load(service, server, report, rounds, dice)
        finally:
            if service.process is not None and service.process.poll() is None:
                service.stop()
            service.client.close()
    return report


def _under_load(
    service: Served, server: RunningPostgres, report: Report, rounds: int, dice: Random
) -> None:
    address = str(service.client.base_url)
    assert service.process is not None
    process = service.process.pid
    work = Work(report, dice_of(str(dice.random())))
    callers = [
        Repeating("submit", address, report, work.submit, 0.5),
        Repeating("submit", address, report, work.submit, 0.7),
        Repeating("cancel", address, report, work.submit_and_cancel, 1.0),
        Repeating("register", address, report, work.register, 1.0),
        Repeating("read", address, report, work.read, 0.05),
        Repeating("read", address, report, work.read, 0.05),
    ]
    followers = [Follower(address, report) for _ in range(_FOLLOWERS)]
    for thread in (*followers, *callers):
        thread.start()
    prober = Caller(address, report)
    for index in range(rounds):
        time.sleep(dice.uniform(1.0, 3.0))
        fault = FAULTS[index % len(FAULTS)]
        _befall(server, fault, dice, report)
        report.count(fault)
        _recover(prober, followers, fault, work, report)
    for caller in callers:
        caller.end()
    report.hold("the service's process", process, service.process.pid)
    report.hold("the service's exit code", None, service.process.poll())
    check(prober, work, followers, report)
    for follower in followers:
        follower.end()
    prober.close()


def _befall(server: RunningPostgres, fault: str, dice: Random, report: Report) -> None:
    """Have it happen; back when it is over."""
    if fault == "stopped and started":
        server.crash()
        time.sleep(dice.uniform(0.5, 4.0))
        server.start()
    elif fault == "connections cut":
        end = time.monotonic() + dice.uniform(1.0, 4.0)
        while time.monotonic() < end:
            report.count("connections that were cut", server.cut(dice))
            time.sleep(dice.uniform(0.0, 0.2))
    else:
        with server.read_only():
            time.sleep(dice.uniform(2.0, 5.0))


def _recover(
    caller: Caller, followers: list[Follower], fault: str, work: Work, report: Report
) -> None:
    """How soon a sweep is accepted, submitted, and its events arrive."""
    begun = time.monotonic()
    try:
        name = work.post(caller, f"after-{uuid.uuid4().hex[:8]}")
        accepted = time.monotonic() - begun
        while caller.get(f"/v1/sweeps/{name}")["submitted_at"] is None:
            time.sleep(0.05)
            if time.monotonic() - begun > 2 * SUBMITTED_SECONDS:
                break
    except GaveUpError as error:
        report.broken(f"after {fault}: {error}")
        return
    submitted = time.monotonic() - begun
    report.took(f"{fault}: a sweep accepted after it", accepted)
    report.took(f"{fault}: that sweep submitted", submitted)
    if accepted > ACCEPTED_SECONDS or submitted > SUBMITTED_SECONDS:
        report.broken(f"after {fault}: accepted in {accepted:.1f} s, submitted in {submitted:.1f}")
    newest = caller.items(f"/v1/sweeps/{name}/events", following="after")[-1]["id"]
    for follower in followers:
        if not follower.until(newest, within=ACCEPTED_SECONDS):
            report.broken(f"after {fault}: a stream has no event {newest}, but {follower.ids[-1:]}")


def main() -> int:
    """Run, print; 1 when anything broke."""
    parser = argparse.ArgumentParser(description="PostgreSQL fails under a service at work.")
    parser.add_argument("--rounds", type=int, default=18, help="how many faults")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sweepfront-database-"))
    report = run(folder, rounds=options.rounds, seed=options.seed)
    return report.show(f"PostgreSQL under faults, seed {options.seed} ({folder})")


if __name__ == "__main__":
    sys.exit(main())
