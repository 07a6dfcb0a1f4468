"""The work that the engine's benchmark gives everyone: one fit of some tenths of a second."""

FIT = """
import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import cross_val_score
def fit(depth):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8)); y = X[:, 0] * X[:, 1] + rng.normal(size=400)
    forest = RandomForestRegressor(40, max_depth=depth, random_state=0)
    return -cross_val_score(forest, X, y, cv=5).mean()
"""
"""`fit(depth)` is the loss of one trial."""

TRIAL = (
    FIT
    + """
import sys, time, mlflow
started = time.perf_counter()
loss = fit(int(sys.argv[1]))
mlflow.log_metrics({"loss": loss, "fit_seconds": time.perf_counter() - started})
"""
)
"""The trial's script on the engine; it also says how long the fit itself took."""

FLOOR = (
    FIT
    + """
import sys, time
fit(3)
started, cpu = time.perf_counter(), time.process_time()
for depth in range(int(sys.argv[1])):
    fit(depth % 10 + 1)
print(time.perf_counter() - started, time.process_time() - cpu)
"""
)
"""Prints the seconds and CPU seconds of so many fits, one after the other in one warm process."""

TINY = "import mlflow\nmlflow.log_metric('loss', 1.0)\n"
"""A trial of about a millisecond."""

POINTS = """
import mlflow
for step in range(10_000):
    mlflow.log_metric("loss", step, step=step)
"""
"""A trial that reports 10,000 values, one by one."""
