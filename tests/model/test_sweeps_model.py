"""Sweeps and trials against a model of them: whatever two callers do, in any order."""

from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from app.sweep.state import SweepStatus
from tests.identity.conftest import Guarded
from tests.model.calls import Calls
from tests.model.expected import OWNERS, Expected, Kind, sent

EXAMPLES = 40
STEPS = 25
OK, ACCEPTED, CREATED = 200, 202, 201
GONE, CONFLICT, WRONG = 404, 409, 422
POINTS = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9]), min_size=1, max_size=3, unique=True)
_numbers = count()
_steps = count()
_known: dict[str, set[int]] = {}
"""The versions of each model that were made, by all machines of this run."""


class Sweeps(Calls, RuleBasedStateMachine):
    """Calls of two registrars of one project each, and what is expected of the answers."""

    sweeps: Bundle[Expected] = Bundle("sweeps")

    def __init__(self) -> None:
        super().__init__()
        self.here: dict[str, Expected] = {}
        self.purged: set[tuple[str, str]] = set()

    @initialize(target=sweeps)
    def begin(self) -> Any:  # noqa: ANN401 - what a bundle takes
        """Each caller has a sweep."""
        for owner in sorted(OWNERS):
            self.submit(owner, "good", [0.1, 0.3], named=True, keyed=True)
        return multiple(*self.here.values())

    @rule(
        target=sweeps,
        owner=st.sampled_from(sorted(OWNERS)),
        kind=st.sampled_from(["good", "good", "good", "bad", "endless"]),
        points=POINTS,
        named=st.booleans(),
        keyed=st.booleans(),
    )
    def submit(
        self, owner: str, kind: Kind, points: list[float], *, named: bool, keyed: bool
    ) -> Any:  # noqa: ANN401 - what a bundle takes
        """Something new, with and without a name and a key of the caller's."""
        number = next(_numbers)
        more = {"name": f"model-{number}"} if named else {}
        body = sent(kind, points, owner, **more)
        headers = {"Idempotency-Key": f"key-{number}"} if keyed else {}
        answer = self.call(owner, "POST", "/v1/sweeps", json=body, headers=headers)
        assert answer.status_code == ACCEPTED, answer.text
        name = answer.json()["name"]
        assert name not in self.here
        made = Expected(name, owner, kind, body, headers.get("Idempotency-Key"))
        self.here[name] = made
        return multiple(made)

    @rule(sweep=sweeps)
    def submit_again(self, sweep: Expected) -> None:
        """The same document under the same name or key is the same sweep."""
        if sweep.name not in self.here or not (sweep.key or "name" in sweep.sent):
            return
        headers = {"Idempotency-Key": sweep.key} if sweep.key else {}
        answer = self.call(sweep.owner, "POST", "/v1/sweeps", json=sweep.sent, headers=headers)
        assert (answer.status_code, answer.json()["name"]) == (OK, sweep.name), answer.text

    @rule(sweep=sweeps)
    def submit_another_in_its_place(self, sweep: Expected) -> None:
        """Another document under the same name or key is refused; by the other caller, too."""
        if sweep.name not in self.here:
            return
        body = {**sent("good", [0.7], sweep.owner), "name": sweep.name}
        assert self.call(sweep.owner, "POST", "/v1/sweeps", json=body).status_code == CONFLICT
        (other,) = set(OWNERS) - {sweep.owner}
        body = {**sent("good", [0.7], other), "name": sweep.name}
        taken = self.call(other, "POST", "/v1/sweeps", json=body)
        assert taken.status_code == CONFLICT
        assert sweep.owner not in taken.text
        if sweep.key:
            body = sent("good", [0.7], sweep.owner)
            headers = {"Idempotency-Key": sweep.key}
            answer = self.call(sweep.owner, "POST", "/v1/sweeps", json=body, headers=headers)
            assert answer.status_code == WRONG, answer.text

    @rule(sweep=sweeps)
    def wait(self, sweep: Expected) -> None:
        """For its end."""
        if sweep.name in self.here:
            self._make_room()
            self.finished(sweep)

    @rule(sweep=sweeps)
    def cancel(self, sweep: Expected) -> None:
        """A live sweep ends; a finished one stays as it is."""
        if sweep.name not in self.here:
            return
        before = self.read(sweep)
        answer = self.call(sweep.owner, "POST", f"/v1/sweeps/{sweep.name}/cancel")
        if sweep.status.finished:
            assert answer.status_code in (ACCEPTED, CONFLICT), answer.text
            assert self.read(sweep)["status"] == before["status"]
            return
        assert answer.status_code in (ACCEPTED, CONFLICT), answer.text
        sweep.canceled = True

    @rule(sweep=sweeps)
    def resume(self, sweep: Expected) -> None:
        """A finished sweep goes on; one that has not finished does not."""
        if sweep.name not in self.here:
            return
        self.read(sweep)
        was = sweep.status
        answer = self.call(sweep.owner, "POST", f"/v1/sweeps/{sweep.name}/resume", json={})
        if answer.status_code == CONFLICT:
            assert not was.finished or "cannot go on" in answer.text, answer.text
            return
        assert answer.status_code == ACCEPTED, answer.text
        self._goes_on(sweep)

    @rule(sweep=sweeps, at=st.integers(0, 2))
    def retry(self, sweep: Expected, at: int) -> None:
        """A finished trial runs again, as its next attempt."""
        if sweep.name not in self.here:
            return
        path = f"/v1/sweeps/{sweep.name}/trials/{at}"
        before = self.call(sweep.owner, "GET", path)
        answer = self.call(sweep.owner, "POST", f"{path}/retry")
        if before.status_code == GONE:
            assert answer.status_code in (GONE, CONFLICT, ACCEPTED), answer.text
        if answer.status_code != ACCEPTED:
            assert answer.status_code in (GONE, CONFLICT), answer.text
            return
        sweep.attempts[at] = answer.json()["attempt"]
        self._goes_on(sweep)

    def _goes_on(self, sweep: Expected) -> None:
        """It runs, and is listed again; what would never end is ended."""
        sweep.status = SweepStatus.RUNNING
        sweep.archived = False
        if sweep.kind == "endless":
            self.call(sweep.owner, "POST", f"/v1/sweeps/{sweep.name}/cancel")
            sweep.canceled = True

    @rule(sweep=sweeps, model=st.sampled_from(["model-a", "model-b"]))
    def register(self, sweep: Expected, model: str) -> None:
        """The best trial becomes a version, once; no two versions have the same number."""
        if sweep.name not in self.here:
            return
        best = self.read(sweep)["best_trial"]
        answer = self.call(
            sweep.owner, "POST", f"/v1/sweeps/{sweep.name}/register", json={"model_name": model}
        )
        if answer.status_code not in (OK, CREATED):
            assert answer.status_code in (CONFLICT, GONE), answer.text
            # A sweep that runs may have got its best trial in between.
            assert best is None or not sweep.status.finished, answer.text
            return
        made = answer.json()
        place, known = (model, made["trial"]), _known.setdefault(model, set())
        if answer.status_code == CREATED:
            assert place not in sweep.versions
            assert made["version"] not in known
            sweep.versions[place] = made["version"]
            known.add(made["version"])
        assert sweep.versions[place] == made["version"]

    @rule(sweep=sweeps, purge=st.booleans())
    def delete(self, sweep: Expected, *, purge: bool) -> None:
        """A finished sweep is archived, or gone with its trials; its models stay."""
        if sweep.name not in self.here:
            return
        self.read(sweep)
        was = sweep.status
        path = f"/v1/sweeps/{sweep.name}" + ("?purge=true" if purge else "")
        answer = self.call(sweep.owner, "DELETE", path)
        if answer.status_code == CONFLICT:
            assert not was.finished, answer.text
            return
        assert answer.status_code == httpx.codes.NO_CONTENT, answer.text
        sweep.archived = True
        if purge:
            del self.here[sweep.name]
            self.purged.add((sweep.owner, sweep.name))

    @rule()  # without a precondition: what is gone by now depends on the clock
    def look_for_what_is_gone(self) -> None:
        """Nothing of it is answered, and nothing can be done with it."""
        for owner, name in self.purged:
            for method, path in (
                *(
                    ("GET", f"/v1/sweeps/{name}{part}")
                    for part in ("", "/trials", "/trials/0", "/events")
                ),
                *(
                    ("POST", f"/v1/sweeps/{name}/{verb}")
                    for verb in ("cancel", "resume", "register")
                ),
                ("DELETE", f"/v1/sweeps/{name}"),
            ):
                assert self.call(owner, method, path).status_code == GONE, (method, path)

    @rule(owner=st.sampled_from(sorted(OWNERS)), status=st.sampled_from(["completed", "failed"]))
    def list_some(self, owner: str, status: str) -> None:
        """A list holds what its filter says, and of one's own project only."""
        path = f"/v1/sweeps?limit=200&status={status}&created_by={owner}"
        for item in self.call(owner, "GET", path).json()["items"]:
            assert (item["created_by"], item["tags"]["project"]) == (owner, OWNERS[owner])
            assert item["status"] == status or item["name"] in self.here
            assert (owner, item["name"]) not in self.purged
        other = "&".join(f"created_by={each}" for each in OWNERS if each != owner)
        assert self.call(owner, "GET", f"/v1/sweeps?{other}").json()["items"] == []

    @invariant()
    def all_is_as_expected(self) -> None:
        """Moves are legal, counts add up, each caller sees their own and nothing else."""
        next(_steps)
        listed = {owner: self._listed(owner) for owner in OWNERS}
        for sweep in self.here.values():
            self.read(sweep)
            assert (sweep.name in listed[sweep.owner]) != sweep.archived
            (other,) = set(OWNERS) - {sweep.owner}
            assert sweep.name not in listed[other]
            unseen = self.call(other, "GET", f"/v1/sweeps/{sweep.name}")
            assert unseen.status_code == GONE
            for (model, _), version in sweep.versions.items():
                path = f"/v1/models/{model}/versions/{version}"
                assert self.call(sweep.owner, "GET", path).json()["sweep"] == sweep.name
                assert self.call(other, "GET", path).status_code == GONE

    def _listed(self, owner: str) -> set[str]:
        answer = self.call(owner, "GET", "/v1/sweeps?limit=200").json()
        return {item["name"] for item in answer["items"]}

    def _make_room(self) -> None:
        """End what would never end, and keep the slots from the others."""
        for sweep in self.here.values():
            if sweep.kind == "endless" and not sweep.status.finished:
                self.call(sweep.owner, "POST", f"/v1/sweeps/{sweep.name}/cancel")
                sweep.canceled = True

    def teardown(self) -> None:
        """Each sweep ends as it should, and leaves room for the next ones."""
        self._make_room()
        for sweep in list(self.here.values()):
            self.finished(sweep)
        for sweep in list(self.here.values()):
            purged = self.call(sweep.owner, "DELETE", f"/v1/sweeps/{sweep.name}?purge=true")
            assert purged.status_code == httpx.codes.NO_CONTENT


def _run(guarded: Guarded, examples: int, steps: int) -> None:
    machine = type("Bound", (Sweeps,), {"guarded": guarded})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            deadline=None,
            database=None,
            # A smaller example would take as long again for each attempt.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(1700)
def test_sweeps_are_as_the_model_says(guarded: Guarded) -> None:
    """Some hundred steps, each followed by a look at everything."""
    _run(guarded, EXAMPLES, STEPS)
    steps = next(_steps)
    print(f"{steps} steps, {next(_numbers)} sweeps, versions {sorted(map(len, _known.values()))}")
    assert steps > 500
