"""Use scikit-learn a little before the first fork, so that trials find its code in working order.

Python 3.11 and later rewrite a function's code as they learn what it meets, and libraries fill
caches at their first use. A forked trial would do both anew, and copy the pages that they lie on:
measured, some 15 ms of its first fit. Fits of trees use neither BLAS nor OpenMP, and start no
thread: what a process did with either before a fork can hang its children.
"""

import contextlib
import warnings

_TIMES = 3
"""Python adapts code that ran some times; each fit here runs the common parts often enough."""


def exercise() -> None:
    """Fit and score some trees on a handful of numbers, if scikit-learn is installed."""
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sklearn import ensemble, model_selection  # noqa: PLC0415 - heavy, and it may be absent

        rows = [[float(row), float(row % 7), 1.0] for row in range(30)]
        for _ in range(_TIMES):
            for model in (ensemble.RandomForestRegressor(4), ensemble.RandomForestClassifier(4)):
                model_selection.cross_val_score(model, rows, [row % 2 for row in range(30)], cv=2)
