"""Problems for samplers: test functions with known optima, and models on scikit-learn's data.

Branin, Hartmann-6 and Ackley are those of Surjanovic and Bingham, *Virtual Library of Simulation
Experiments* (https://www.sfu.ca/~ssurjano/optimization.html); Ackley's optimum is moved away from
the middle. Every loss is smaller for a better point and a pure function of the parameters.
"""

import functools
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from app.sweep.search_space import Scalar, SearchSpace

Parameters = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Problem:
    """A search space and the loss of its points."""

    space: SearchSpace
    loss: Callable[[Parameters], float]


def _space(body: Mapping[str, object]) -> SearchSpace:
    return TypeAdapter(SearchSpace).validate_python(body)


def _uniform(low: float, high: float) -> dict[str, object]:
    return {"type": "uniform", "min_value": low, "max_value": high}


def _loguniform(low: float, high: float) -> dict[str, object]:
    return {"type": "loguniform", "min_value": math.log(low), "max_value": math.log(high)}


def _steps(low: float, high: float, q: float) -> dict[str, object]:
    return {"type": "quniform", "min_value": low, "max_value": high, "q": q}


def _choice(*values: Scalar) -> dict[str, object]:
    return {"type": "choice", "values": list(values)}


def _vector(parameters: Parameters) -> np.ndarray:
    return np.array([float(value) for value in parameters.values()])


def branin(parameters: Parameters) -> float:
    """Three optima of 0.3979."""
    x, y = _vector(parameters)
    bend = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return float(bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


_HARTMANN_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_HARTMANN_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(parameters: Parameters) -> float:
    """One optimum of -3.3224, and a local one of -3.2032."""
    exponents = (_HARTMANN_A * (_vector(parameters) - _HARTMANN_P) ** 2).sum(1)
    return float(-np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-exponents))


def ackley(parameters: Parameters) -> float:
    """One optimum of 0 among many local ones, in five coordinates."""
    x = _vector(parameters) - np.array([7.3, -11.1, 4.9, 13.7, -2.2])
    root, waves = math.sqrt(float(np.mean(x**2))), float(np.mean(np.cos(2 * math.pi * x)))
    return -20 * math.exp(-0.2 * root) - math.exp(waves) + 20 + math.e


def mixed(parameters: Parameters) -> float:
    """The optimum is 0, at tanh, 64, rate 0.37, momentum 0.81, 7 layers and 140 units."""
    given = {name: float(v) for name, v in parameters.items() if name != "activation"}
    activation = str(parameters["activation"])
    offset = {"relu": 0.25, "tanh": 0.0, "gelu": 0.6, "none": 1.5}[activation]
    batch = math.log2(given["batch"] / 64)
    best_layers = {"relu": 3, "tanh": 7, "gelu": 5, "none": 1}[activation]
    layers = (given["layers"] - best_layers) / 4
    units = (given["units"] - 140) / 100
    rate = given["rate"] - 0.37 - 0.05 * batch
    momentum = given["momentum"] - 0.81 + 0.3 * rate
    bowl = 6 * rate**2 + 4 * momentum**2 + 0.2 * batch**2 + layers**2 + units**2
    return offset + bowl + 0.15 * (1 - math.cos(9 * rate)) + 0.3 * abs(layers * units)


@functools.cache
def _diabetes() -> tuple[np.ndarray, np.ndarray]:
    features, target = load_diabetes(return_X_y=True)
    return features[::2], target[::2]


def boosting(parameters: Parameters) -> float:
    """Root mean squared error of boosted trees on half the diabetes data, two folds."""
    given = dict(parameters)
    model = GradientBoostingRegressor(n_estimators=int(given.pop("trees")), random_state=0, **given)
    scores = cross_val_score(model, *_diabetes(), cv=2, scoring="neg_root_mean_squared_error")
    return float(-scores.mean())


@functools.cache
def _cancer() -> tuple[np.ndarray, np.ndarray]:
    features, target = load_breast_cancer(return_X_y=True)
    return features[::2], target[::2]


def machine(parameters: Parameters) -> float:
    """1 - the area under the curve of a support vector machine on half the breast cancer data."""
    given = dict(parameters)
    weighted = "balanced" if given.pop("balanced") else None
    model = SVC(class_weight=weighted, max_iter=2000, degree=int(given.pop("degree")), **given)
    scores = cross_val_score(
        make_pipeline(StandardScaler(), model), *_cancer(), cv=3, scoring="roc_auc"
    )
    return float(1 - scores.mean())


@functools.cache
def _wine() -> tuple[np.ndarray, np.ndarray]:
    features, target = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(features)[::2], target[::2]


def network(parameters: Parameters) -> float:
    """Log loss of a small network on half the wine data, two folds, few steps."""
    given = dict(parameters)
    model = MLPClassifier(
        hidden_layer_sizes=(int(given.pop("units")),),
        batch_size=int(given.pop("batch")),
        max_iter=12,
        random_state=0,
        **given,
    )
    return float(-cross_val_score(model, *_wine(), cv=2, scoring="neg_log_loss").mean())


def quietly(loss: Callable[[Parameters], float]) -> Callable[[Parameters], float]:
    """The loss without what scikit-learn says about fits that stop early."""

    @functools.wraps(loss)
    def quiet(parameters: Parameters) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return loss(parameters)

    return quiet


PROBLEMS: dict[str, Problem] = {
    "Branin": Problem(_space({"x": _uniform(-5, 10), "y": _uniform(0, 15)}), branin),
    "Hartmann-6": Problem(_space({f"x{i}": _uniform(0, 1) for i in range(6)}), hartmann),
    "Ackley-5": Problem(_space({f"x{i}": _uniform(-32.768, 32.768) for i in range(5)}), ackley),
    "mixed": Problem(
        _space(
            {
                "activation": _choice("relu", "tanh", "gelu", "none"),
                "batch": _choice(16, 32, 64, 128, 256),
                "rate": _uniform(0, 1),
                "momentum": _uniform(0, 1),
                "layers": _steps(1, 12, 1),
                "units": _steps(20, 400, 20),
            }
        ),
        mixed,
    ),
    "boosting": Problem(
        _space(
            {
                "trees": _steps(5, 60, 5),
                "learning_rate": _loguniform(0.01, 1),
                "max_depth": _choice(1, 2, 3, 4, 5),
                "subsample": _uniform(0.3, 1),
                "loss": _choice("squared_error", "absolute_error", "huber"),
                "max_features": _uniform(0.1, 1),
            }
        ),
        quietly(boosting),
    ),
    "SVM": Problem(
        _space(
            {
                "C": _loguniform(1e-3, 1e3),
                "gamma": _loguniform(1e-5, 10),
                "kernel": _choice("rbf", "poly", "sigmoid"),
                "degree": _steps(1, 5, 1),
                "coef0": _uniform(-1, 1),
                "balanced": _choice(True, False),  # noqa: FBT003 - a value of the choice
            }
        ),
        quietly(machine),
    ),
    "network": Problem(
        _space(
            {
                "units": _steps(4, 64, 4),
                "alpha": _loguniform(1e-5, 10),
                "learning_rate_init": _loguniform(1e-4, 0.3),
                "activation": _choice("relu", "tanh", "logistic"),
                "batch": _choice(8, 16, 32),
                "solver": _choice("adam", "sgd"),
                "momentum": _uniform(0, 0.99),
            }
        ),
        quietly(network),
    ),
}
