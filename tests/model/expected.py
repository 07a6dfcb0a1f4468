"""What is expected of sweeps: a small model of each, and what must hold of what is answered."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from app.sweep.state import SweepStatus
from tests.served import Json, document

Kind = Literal["good", "bad", "endless"]
OWNERS = {"nlp-ci": "nlp", "vision-registrar": "vision"}
COMMANDS: dict[Kind, str] = {
    "good": "python quadratic.py --x ${{search_space.x}}",
    "bad": "python fails.py ${{search_space.x}}",
    "endless": "python slow.py ${{search_space.x}} 6000 0.05",
}


@dataclass
class Expected:
    """A sweep as the model has it.

    Attributes:
        sent: the document that was posted, and `key` its Idempotency-Key.
        canceled: somebody has asked for its end.
        attempts: of each trial that was retried.
        versions: by model and trial.
    """

    name: str
    owner: str
    kind: Kind
    sent: Json
    key: str | None = None
    status: SweepStatus = SweepStatus.SUBMITTING
    canceled: bool = False
    archived: bool = False
    attempts: dict[int, int] = field(default_factory=dict)
    versions: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def points(self) -> list[float]:
        """The values of its grid, by the trial's number."""
        found: list[float] = self.sent["search_space"]["x"]["values"]
        return found

    def saw(self, answer: Json) -> None:
        """Judge a state by the one before."""
        status = SweepStatus(answer["status"])
        assert self.status.may_become(status), f"{self.name}: {self.status} -> {status}"
        self.status = status
        assert answer["created_by"] == self.owner
        assert sum(answer["trial_counts"].values()) == 2 * answer["trial_counts"]["total"]
        assert answer["trial_counts"]["total"] <= len(self.points)

    def ended(self, answer: Json, trials: list[Json]) -> None:
        """Judge a finished sweep with all its trials."""
        counts = Counter(trial["status"] for trial in trials)
        told = {name: n for name, n in answer["trial_counts"].items() if n and name != "total"}
        assert told == counts, (told, counts)
        assert [trial["number"] for trial in trials] == list(range(len(trials)))
        assert not {"queued", "running"} & set(counts)
        for trial in trials:
            assert trial["parameters"] == {"x": self.points[trial["number"]]}
            assert trial["attempt"] >= self.attempts.get(trial["number"], 1)
        if self.kind == "good" and not self.canceled:
            assert answer["status"] == "completed"
            assert counts == {"completed": len(self.points)}
        if self.kind == "bad":
            assert not counts["completed"]
            assert answer["status"] in ("failed", "canceled")
        if self.kind == "endless":
            assert answer["status"] == "canceled"
        self._best(answer, trials)

    def _best(self, answer: Json, trials: list[Json]) -> None:
        done = [trial for trial in trials if trial["status"] == "completed"]
        if not done:
            assert answer["best_trial"] is None
            return
        for trial in done:
            expected = (self.points[trial["number"]] - 0.3) ** 2 + 1
            assert abs(trial["objective_value"] - expected) < 1e-9
        best = min(done, key=lambda trial: (trial["objective_value"], trial["number"]))
        assert answer["best_trial"]["number"] == best["number"]


def sent(kind: Kind, points: list[float], owner: str, **more: object) -> Json:
    """The document of a sweep over these points, two trials at once."""
    return document(
        COMMANDS[kind],
        {"x": {"type": "choice", "values": points}},
        code="job",
        sampling_algorithm="grid",
        limits={"max_total_trials": len(points), "max_concurrent_trials": 2},
        tags={"project": OWNERS[owner]},
        **more,
    )
