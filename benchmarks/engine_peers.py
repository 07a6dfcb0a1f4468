"""Others run the same trials: what each of them needs, in an interpreter that has them installed.

Each script prints the seconds from its first trial's start until its last trial's end; imports and
the start of a cluster are not counted. An interpreter for each trial counts what that costs.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.engine_work import FIT

_ARGUMENTS = """
import subprocess, sys, time
from pathlib import Path
trials, slots = int(sys.argv[1]), int(sys.argv[2])
one = str(Path(__file__).with_name("one.py"))
"""
_ONE = FIT + "\nimport sys\nprint(fit(int(sys.argv[1])))\n"
"""One trial as a script of its own."""
_SYNE_TRIAL = (
    FIT
    + """
import argparse
from syne_tune import Reporter
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
depth = parser.parse_known_args()[0].depth
Reporter()(loss=fit(depth), epoch=1)
"""
)
_OPTUNA = (
    _ARGUMENTS
    + """
import optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
started = time.perf_counter()
study.optimize(objective, n_trials=trials, n_jobs=slots)
print(time.perf_counter() - started)
"""
)
_RAY = (
    FIT
    + _ARGUMENTS
    + """
import ray
from ray import tune
ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False)
def objective(config):
    return {"loss": fit(config["depth"])}
setup = tune.TuneConfig(num_samples=trials, metric="loss", mode="min", reuse_actors=REUSED)
tuner = tune.Tuner(objective, param_space={"depth": tune.randint(1, 11)}, tune_config=setup)
started = time.perf_counter()
tuner.fit()
print()
print(time.perf_counter() - started)
"""
)
PEERS: Mapping[str, tuple[str, bool]] = {
    "Optuna, threads of one process": (
        FIT
        + "\ndef objective(trial):\n    return fit(trial.suggest_int('depth', 1, 10))\nfit(3)\n"
        + _OPTUNA,
        False,
    ),
    "Optuna, an interpreter for each trial": (
        """
def objective(trial):
    words = [sys.executable, one, str(trial.suggest_int('depth', 1, 10))]
    return float(subprocess.run(words, capture_output=True, check=True).stdout)
"""
        + _OPTUNA,
        True,
    ),
    "a loop of interpreters": (
        _ARGUMENTS
        + """
from concurrent.futures import ThreadPoolExecutor
def run(number):
    subprocess.run([sys.executable, one, str(number % 10 + 1)], capture_output=True, check=True)
started = time.perf_counter()
with ThreadPoolExecutor(slots) as pool:
    list(pool.map(run, range(trials)))
print(time.perf_counter() - started)
""",
        True,
    ),
    "Ray Tune, processes used again": (_RAY.replace("REUSED", "True"), False),
    "Ray Tune, a process for each trial": (_RAY.replace("REUSED", "False"), True),
    "Syne Tune, local back end": (
        _ARGUMENTS
        + """
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import randint
from syne_tune.optimizer.baselines import RandomSearch
scheduler = RandomSearch({"depth": randint(1, 10)}, metrics=["loss"], do_minimize=True)
backend = LocalBackend(str(Path(__file__).with_name("syne.py")))
stop = StoppingCriterion(max_num_trials_finished=trials)
tuner = Tuner(backend, scheduler, stop, n_workers=slots, sleep_time=0.1, save_tuner=False)
started = time.perf_counter()
tuner.run()
print()
print(time.perf_counter() - started)
""",
        True,
    ),
}
"""By name: the script, and whether each trial has a process of its own."""


def seconds(name: str, python: str, *, trials: int, slots: int) -> float | None:
    """What a peer needs for so many trials; None, said in a line, when it cannot be run.

    Args:
        name: one of PEERS.
        python: an interpreter in which the peer and scikit-learn are installed.
        trials: how many fits.
        slots: how many at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        for file, text in (("peer.py", PEERS[name][0]), ("one.py", _ONE), ("syne.py", _SYNE_TRIAL)):
            Path(folder, file).write_text(text)
        done = subprocess.run(  # noqa: S603 - our own script
            [python, "peer.py", str(trials), str(slots)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        print(f"{name}: skipped, {(done.stderr.strip().splitlines() or ['it failed'])[-1]}")
        return None
    return float(done.stdout.split()[-1])
