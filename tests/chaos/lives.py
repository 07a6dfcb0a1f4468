"""The life of one sweep after another: posted, watched, registered or made to go on."""

import threading
import time
import uuid
from collections.abc import Callable
from random import Random

import httpx

from tests.chaos.client import Client, GaveUpError, dice_of
from tests.chaos.kinds import KINDS, MODEL, Plan, plan
from tests.chaos.notes import Accepted, Notes
from tests.served import FINISHED, Json

SUBMITTING_SECONDS = 30.0
"""How long a sweep may stay `submitting` while the service answers."""
LIFE_SECONDS = 240.0


class Lives(threading.Thread):
    """Lives sweeps, one at a time, until told to end."""

    def __init__(self, address: str, notes: Notes, dice: Random) -> None:
        super().__init__(name="lives", daemon=True)
        self._client = Client(address, notes, dice)
        self._notes = notes
        self._dice = dice
        self._ending = threading.Event()

    def end(self) -> None:
        """Begin no other sweep."""
        self._ending.set()

    def run(self) -> None:
        """Live."""
        kinds = list(KINDS)
        self._dice.shuffle(kinds)
        while not self._ending.is_set():
            kind = kinds.pop(0)
            kinds.append(kind)
            try:
                self._live(plan(kind, self._dice))
            except GaveUpError as error:
                self._notes.broken(str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the run must tell
                self._notes.broken(f"{kind}: {type(error).__name__}: {error}")
        self._client.close()

    def _live(self, wanted: Plan) -> None:
        drawn = self._drawn(wanted) if wanted.fixed else []
        name = self._post(wanted)
        sweep = Accepted(name=name, plan=wanted, drawn=drawn)
        self._notes.accept(sweep)
        if wanted.then == "cancel":
            self._cancel(sweep)
        self._until(sweep, _finished)
        if wanted.then == "register":
            self._register(sweep)
        if wanted.then == "go on":
            self._resume(sweep, {"limits": {"max_total_trials": wanted.total}})
            self._until(sweep, _finished)
            self._retry(sweep, self._dice.randrange(wanted.total))
            self._until(sweep, _finished)

    def _drawn(self, wanted: Plan) -> list[Json]:
        """The parameters that all its trials should have, by a preview."""
        limits = {**wanted.document["limits"], "max_total_trials": wanted.total}
        body = {**wanted.document, "limits": limits}
        path = f"/v1/sweeps/preview?trials={wanted.total}"
        answer, _ = self._client.ask("POST", path, body=body)
        return [trial["parameters"] for trial in answer.json()["trials"]]

    def _post(self, wanted: Plan) -> str:
        """Post the document, impatiently at times, under a name or a key."""
        body, key = wanted.document, None
        if self._dice.random() < 0.5:
            body = {**body, "name": f"{wanted.kind.replace(' ', '-')}-{uuid.uuid4().hex[:8]}"}
        else:
            key = uuid.uuid4().hex
        self._notes.announce("post")
        answer, _ = self._client.ask(
            "POST", "/v1/sweeps", body=body, key=key, hasty=self._dice.random() < 0.3
        )
        name = str(answer.json().get("name"))
        if answer.status_code not in (httpx.codes.OK, httpx.codes.ACCEPTED):
            raise GaveUpError(f"POST {wanted.kind}: {answer.status_code} {answer.text}")
        if self._dice.random() < 0.3:
            again, _ = self._client.ask("POST", "/v1/sweeps", body=body, key=key)
            self._notes.counts["posts repeated"] += 1
            if again.status_code != httpx.codes.OK or again.json()["name"] != name:
                self._notes.broken(f"{name} posted again: {again.status_code} {again.text}")
        return name

    def _until(self, sweep: Accepted, condition: Callable[[Json], bool]) -> Json:
        """Watch the sweep until the condition holds of it; what has ended must not change."""
        deadline = time.monotonic() + LIFE_SECONDS
        submitting_since = time.monotonic()
        while time.monotonic() < deadline:
            asked = time.monotonic()
            found = self._client.get(f"/v1/sweeps/{sweep.name}")
            trials = self._client.items(f"/v1/sweeps/{sweep.name}/trials?sort=number")
            # Only the time counts in which the service is there to submit it.
            submitting_since += time.monotonic() - asked
            self.compare(sweep, trials)
            counts = found["trial_counts"]
            ended = counts["total"] - counts["queued"] - counts["running"]
            if not _finished(found) and ended >= sweep.plan.total - 1:
                self._notes.announce("end")
            if condition(found):
                return found
            if found["status"] != "submitting":
                submitting_since = time.monotonic()
            elif time.monotonic() - submitting_since > SUBMITTING_SECONDS:
                self._notes.broken(f"{sweep.name} stays submitting: {found['sync_error']}")
            time.sleep(0.15)
        raise GaveUpError(f"{sweep.name} does not go on in {LIFE_SECONDS:.0f} s: {found}")

    def compare(self, sweep: Accepted, trials: list[Json]) -> None:
        """Hold trials against what they were when they had ended."""
        for trial in trials:
            number = trial["number"]
            before = sweep.finished.get(number)
            if before is not None and before != trial:
                self._notes.broken(f"{sweep.name} trial {number} changed: {before} to {trial}")
            if before is None and trial["status"] in (*FINISHED, "early_terminated"):
                least = sweep.again.get(number, 1)
                if trial["attempt"] >= least:
                    sweep.finished[number] = trial

    def _cancel(self, sweep: Accepted) -> None:
        """Cancel in the middle, then go on: what the end canceled runs again."""
        self._until(sweep, lambda found: _finished(found) or found["trial_counts"]["running"] > 0)
        self._notes.announce("again")
        self._client.ask("POST", f"/v1/sweeps/{sweep.name}/cancel")
        if self._until(sweep, _finished)["status"] == "canceled":
            self._resume(sweep, {})

    def _resume(self, sweep: Accepted, body: Json) -> None:
        canceled = [n for n, trial in sweep.finished.items() if trial["status"] == "canceled"]
        for number in canceled:
            sweep.again[number] = sweep.finished.pop(number)["attempt"] + 1
        self._notes.announce("again")
        answer, heard = self._client.ask("POST", f"/v1/sweeps/{sweep.name}/resume", body=body)
        # Refused where an earlier request was heard, whose answer was lost.
        if answer.status_code != httpx.codes.ACCEPTED and not heard:
            self._notes.broken(f"resume {sweep.name}: {answer.status_code} {answer.text}")
        self._notes.counts["resumed"] += 1

    def _retry(self, sweep: Accepted, number: int) -> None:
        before = sweep.finished.pop(number)
        sweep.again[number] = before["attempt"] + 1
        path = f"/v1/sweeps/{sweep.name}/trials/{number}"
        self._notes.announce("again")
        answer, heard = self._client.ask("POST", f"{path}/retry")
        # Refused where an earlier request was heard, whose answer was lost.
        if answer.status_code != httpx.codes.ACCEPTED and not heard:
            self._notes.broken(f"retry {path}: {answer.status_code} {answer.text}")
        self._notes.counts["retried"] += 1

    def _register(self, sweep: Accepted) -> None:
        """Register the best trial, by two callers at once."""
        answers: list[httpx.Response] = []

        def call() -> None:
            client = Client(self._client.address, self._notes, dice_of("register"))
            try:
                path = f"/v1/sweeps/{sweep.name}/register"
                answers.append(client.ask("POST", path, body={"model_name": MODEL})[0])
            except GaveUpError as error:
                self._notes.broken(str(error))
            finally:
                client.close()

        callers = [threading.Thread(target=call) for _ in range(2)]
        self._notes.announce("register")
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        if any(answer.status_code not in (200, 201) for answer in answers):
            self._notes.broken(f"register {sweep.name}: {[a.text for a in answers]}")
            return
        if len({answer.json()["version"] for answer in answers}) != 1:
            self._notes.broken(f"register {sweep.name}: two versions {[a.text for a in answers]}")
        self._notes.versions += [answer.json() for answer in answers]


def _finished(found: Json) -> bool:
    return found["status"] in FINISHED
