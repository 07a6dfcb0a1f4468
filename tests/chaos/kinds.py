"""The sweeps of a chaos run: small ones of every kind, each with what must be true of its end."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.served import Json, document

MODEL = "chaos"
STEPS = """
import argparse, json, pathlib, time, mlflow
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--steps", type=int)
parser.add_argument("--pause", type=float)
args = parser.parse_args()
for step in range(args.steps):
    mlflow.log_metric("loss", (args.x - 0.3) ** 2 + 1 / (step + 1), step=step)
    mlflow.log_metric("other", float(step), step=step)
    time.sleep(args.pause)
pathlib.Path("outputs/model.pkl").write_text(json.dumps({"x": args.x}))
"""
_UNIFORM: Json = {"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One sweep to come.

    Attributes:
        kind: its kind's name.
        document: what is posted.
        total: how many trials it ends with.
        steps: reports of each metric by a completed trial; 0: it logs nothing.
        fixed: its parameters follow from the document alone, as a preview shows them.
        metrics: what its trials log.
        then: what is done with it: `register`, `go on` (resumed, then a trial retried), `cancel`
            (and resumed), or nothing.
    """

    kind: str
    document: Json
    total: int
    steps: int
    fixed: bool = True
    metrics: tuple[str, ...] = ("loss", "other")
    then: str = ""


KINDS = ("random", "grid", "bayesian", "policy", "registered", "shell", "going on", "canceled")


def plan(kind: str, dice: Random) -> Plan:
    """A sweep of that kind."""
    steps, pause = dice.randint(3, 6), round(dice.uniform(0.02, 0.08), 3)
    command = f"python steps.py --x ${{{{search_space.x}}}} --steps {steps} --pause {pause}"
    seed = dice.randrange(1_000_000)
    limits: Json = {"max_total_trials": dice.randint(4, 7), "max_concurrent_trials": 2}
    total = int(limits["max_total_trials"])
    space, sampling = _UNIFORM, {"type": "random", "seed": seed}
    more: Json = {}
    then = {"registered": "register", "going on": "go on", "canceled": "cancel"}.get(kind, "")
    match kind:
        case "grid":
            total = 6
            space = {
                "x": {"type": "choice", "values": [0.1, 0.5, 0.9]},
                "side": {"type": "choice", "values": ["left", "right"]},
            }
            sampling, limits["max_total_trials"] = {"type": "grid"}, 50
        case "bayesian":
            sampling = {"type": "bayesian"}
        case "policy":
            more["early_termination"] = {"type": "bandit", "slack_amount": 0.1}
        case "shell":
            # A child in a session of its own outlives its trial unless somebody ends it.
            total = limits["max_total_trials"] = 2
            command = "setsid sleep 600 & sleep ${{search_space.x}} && true"
            steps = 0
    body = document(command, space, code="job", limits=limits, sampling_algorithm=sampling, **more)
    return Plan(
        kind=kind,
        document=body,
        total=total + (3 if then == "go on" else 0),
        steps=steps,
        fixed=kind != "bayesian",
        metrics=() if kind == "shell" else ("loss", "other"),
        then=then,
    )


def write_code(root: Path) -> None:
    """Put the trials' script below a code root."""
    (root / "job").mkdir(parents=True)
    (root / "job" / "steps.py").write_text(STEPS, encoding="utf-8")
