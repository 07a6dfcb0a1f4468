"""What must be true of every sweep and model at the end, as the service tells it over HTTP."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.client import Client
from tests.chaos.kinds import MODEL
from tests.chaos.notes import Accepted, Notes
from tests.served import Json

_ENDED_WELL = ("completed", "early_terminated")


def check_sweeps(client: Client, notes: Notes) -> dict[str, list[Json]]:
    """Check all sweeps; the trials of each, for those who check more."""
    names = Counter(sweep["name"] for sweep in client.items("/v1/sweeps"))
    surplus = names - Counter(list(notes.accepted))
    notes.counts.update({"sweeps doubled": surplus.total(), "sweeps lost": 0})
    notes.counts.update({"reports": 0, "reports lost": 0, "reports doubled": 0})
    for name in surplus:
        notes.broken(f"{name} was never accepted, or is there twice")
    found = {}
    for name, sweep in notes.accepted.items():
        if name not in names:
            notes.broken(f"{name} was accepted and is gone")
            notes.counts["sweeps lost"] += 1
            continue
        trials = client.items(f"/v1/sweeps/{name}/trials?sort=number")
        found[name] = trials
        for words in _sweep(client.get(f"/v1/sweeps/{name}"), sweep, trials, notes):
            notes.broken(f"{name} ({sweep.plan.kind}): {words}")
        for trial in trials:
            for words in _reports(client, sweep, trial, notes):
                notes.broken(f"{name} ({sweep.plan.kind}) trial {trial['number']}: {words}")
    return found


def _sweep(found: Json, sweep: Accepted, trials: Sequence[Json], notes: Notes) -> Iterator[str]:
    numbers = [trial["number"] for trial in trials]
    if numbers != list(range(sweep.plan.total)):
        yield f"{sweep.plan.total} trials were asked for, there are {numbers}"
    outcomes = Counter(trial["status"] for trial in trials)
    wanted = "completed" if any(outcomes[each] for each in _ENDED_WELL) else "failed"
    if found["status"] != wanted:
        yield f"it is {found['status']} ({found['status_reason']}) with {dict(outcomes)}"
    counts = {k: v for k, v in found["trial_counts"].items() if v and k != "total"}
    if counts != outcomes or found["trial_counts"]["total"] != len(trials):
        yield f"its counts {found['trial_counts']} are not those of its trials, {dict(outcomes)}"
    if sweep.drawn and [trial["parameters"] for trial in trials] != sweep.drawn:
        yield f"parameters {[t['parameters'] for t in trials]}, undisturbed {sweep.drawn}"
    for trial in trials:
        number, status = trial["number"], trial["status"]
        allowed = {"completed"} | ({"early_terminated"} if sweep.plan.kind == "policy" else set())
        if (found["name"], number) in notes.killed_trials and "SIGKILL" in str(
            trial["status_reason"]
        ):
            allowed.add("failed")
        if status not in allowed:
            yield f"trial {number} is {status}: {trial['status_reason']}"
        if trial["attempt"] < sweep.again.get(number, 1):
            yield f"trial {number} was to run again and is still at attempt {trial['attempt']}"


def _reports(client: Client, sweep: Accepted, trial: Json, notes: Notes) -> Iterator[str]:
    path = f"/v1/sweeps/{sweep.name}/trials/{trial['number']}"
    reports = client.items(f"{path}/metrics")
    for name in sweep.plan.metrics:
        own = [report for report in reports if report["name"] == name]
        intervals = [report["interval"] for report in own]
        once = len(set(intervals))
        notes.counts.update({"reports": len(own), "reports doubled": len(own) - once})
        if trial["status"] == "completed":
            notes.counts["reports lost"] += max(0, sweep.plan.steps - once)
        if intervals != list(range(1, len(own) + 1)):
            yield f"intervals of {name}: {intervals}"
        if [report["step"] for report in own] != list(range(len(own))):
            yield f"steps of {name}: {[report['step'] for report in own]}"
        if trial["status"] == "completed" and len(own) != sweep.plan.steps:
            yield f"{len(own)} reports of {name}, not {sweep.plan.steps}"
    if sweep.plan.kind != "policy":
        return
    decisions = client.items(f"{path}/decisions")
    stops = [d for d in decisions if d["verdict"] == "stop" and d["attempt"] == trial["attempt"]]
    places = Counter((d["attempt"], d["interval"]) for d in decisions)
    if places and max(places.values()) > 1:
        yield f"an interval was judged twice: {places}"
    if trial["status"] == "early_terminated" and not stops:
        yield f"it was stopped early without a decision: {decisions}"


def check_models(client: Client, notes: Notes) -> list[Json]:
    """Every registration that was answered is there, whole, once; the versions."""
    answered = {answer["version"]: answer for answer in notes.versions}
    if not answered:
        return []
    versions = client.items(f"/v1/models/{MODEL}")
    if [version["version"] for version in versions] != list(range(len(versions), 0, -1)):
        notes.broken(f"versions {[version['version'] for version in versions]}")
    trials = Counter((version["sweep"], version["trial"]) for version in versions)
    for trial, count in trials.items():
        if count > 1:
            notes.broken(f"trial {trial} is {count} versions")
    found = {version["version"]: version for version in versions}
    for number, answer in answered.items():
        if found.get(number) != answer:
            notes.broken(f"version {number} was {answer}, it is {found.get(number)}")
    for version in versions:
        path = f"/v1/models/{MODEL}/versions/{version['version']}/download"
        file, _ = client.ask("GET", path)
        whole = hashlib.sha256(file.content).hexdigest() == version["sha256"]
        if file.status_code != 200 or not whole:
            notes.broken(f"{path}: {file.status_code}, {len(file.content)} bytes, not its own")
        elif json.loads(file.content) != {"x": version["parameters"]["x"]}:
            notes.broken(f"{path} is not the model of its parameters: {file.text}")
    return versions
