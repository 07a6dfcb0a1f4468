"""The samplers that are compared, ours and others', behind one way of asking and telling.

Others' libraries are imported by name when they are used, since none is needed to run Sweepfront.
"""

import importlib
import importlib.util
import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from app.search.allowed import Allowed
from app.search.bayesian import BayesianSampler, Observation
from app.search.samplers import RandomSampler, SobolSampler
from app.sweep.search_space import Choice, LogUniform, QUniform, Scalar, SearchSpace, Uniform

Parameters = Mapping[str, Scalar]


class Method(Protocol):
    """A sampler at work on one sweep."""

    def ask(self, number: int) -> Parameters:
        """The parameters of a trial."""

    def tell(self, number: int, loss: float) -> None:
        """The loss of a trial that was asked for."""


class Ours:
    """Sweepfront's Bayesian sampler."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._sampler = BayesianSampler(space, seed)
        self._finished: list[Observation] = []
        self._pending: dict[int, Parameters] = {}

    def ask(self, number: int) -> Parameters:
        """The parameters of a trial."""
        pending = [self._pending[key] for key in sorted(self._pending)]
        drawn = self._sampler.draw(number, self._finished, pending)
        if drawn is None:
            raise RuntimeError("the space is exhausted")
        self._pending[number] = drawn
        return drawn

    def tell(self, number: int, loss: float) -> None:
        """The loss of a trial that was asked for."""
        self._finished.append(Observation(self._pending.pop(number), loss))


class Unguided:
    """Sweepfront's random or Sobol sampling."""

    def __init__(self, space: SearchSpace, seed: int, rule: str) -> None:
        kind = SobolSampler if rule == "sobol" else RandomSampler
        self._sampler = kind(space, seed, math.e, Allowed(()))

    def ask(self, number: int) -> Parameters:
        """The parameters of a trial."""
        return self._sampler.draw(number, (), ()) or {}

    def tell(self, number: int, loss: float) -> None:
        """Nothing is learnt."""


class Optuna:
    """One of Optuna's samplers."""

    def __init__(self, space: SearchSpace, seed: int, sampler: str, **options: object) -> None:
        optuna: Any = importlib.import_module("optuna")
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        made = getattr(optuna.samplers, sampler)(seed=seed, **options)
        self._study = optuna.create_study(sampler=made)
        self._space = space
        self._trials: dict[int, Any] = {}

    def ask(self, number: int) -> Parameters:
        """The parameters of a trial."""
        trial = self._trials[number] = self._study.ask()
        return {name: self._suggested(trial, name) for name in self._space}

    def _suggested(self, trial: Any, name: str) -> Scalar:  # noqa: ANN401 - no types without it
        match self._space[name]:
            case Choice() as choice:
                value: Scalar = trial.suggest_categorical(name, choice.values)
            case Uniform() as uniform:
                value = trial.suggest_float(name, uniform.min_value, uniform.max_value)
            case LogUniform() as log:
                low, high = math.exp(log.min_value), math.exp(log.max_value)
                value = trial.suggest_float(name, low, high, log=True)
            case QUniform() as steps:
                low, high, q = int(steps.min_value), int(steps.max_value), int(steps.q)
                value = trial.suggest_int(name, low, high, step=q)
            case other:
                raise NotImplementedError(other.type)
        return value

    def tell(self, number: int, loss: float) -> None:
        """The loss of a trial that was asked for."""
        self._study.tell(self._trials.pop(number), loss)


class Nevergrad:
    """Nevergrad's NGOpt, told the budget as it wants to be."""

    def __init__(self, space: SearchSpace, seed: int, budget: int) -> None:
        ng: Any = importlib.import_module("nevergrad")
        warnings.simplefilter("ignore")
        instrumented = ng.p.Dict(**{name: self._made(ng, e) for name, e in space.items()})
        instrumented.random_state.seed(seed)
        self._optimizer = ng.optimizers.NGOpt(instrumented, budget=budget)
        self._asked: dict[int, Any] = {}
        self._space = space

    @staticmethod
    def _made(ng: Any, expression: object) -> object:  # noqa: ANN401 - no types without it
        match expression:
            case Choice():
                numeric = all(type(value) in (int, float) for value in expression.values)
                made = ng.p.TransitionChoice if numeric else ng.p.Choice
                return made(expression.values)
            case Uniform():
                return ng.p.Scalar(lower=expression.min_value, upper=expression.max_value)
            case LogUniform():
                low, high = math.exp(expression.min_value), math.exp(expression.max_value)
                return ng.p.Log(lower=low, upper=high)
            case QUniform():
                low, high = (round(e / expression.q) for e in _ends(expression))
                return ng.p.Scalar(lower=low, upper=high).set_integer_casting()
            case _:
                raise NotImplementedError(repr(expression))

    def ask(self, number: int) -> Parameters:
        """The parameters of a trial."""
        asked = self._asked[number] = self._optimizer.ask()
        return _multiplied(self._space, asked.value)

    def tell(self, number: int, loss: float) -> None:
        """The loss of a trial that was asked for."""
        self._optimizer.tell(self._asked.pop(number), loss)


class Smac:
    """SMAC's facade for hyperparameters."""

    def __init__(self, space: SearchSpace, seed: int, budget: int) -> None:
        smac: Any = importlib.import_module("smac")
        configs: Any = importlib.import_module("ConfigSpace")
        data: Any = importlib.import_module("smac.runhistory.dataclasses")
        warnings.simplefilter("ignore")
        made = configs.ConfigurationSpace(seed=seed)
        made.add([self._made(configs, name, e) for name, e in space.items()])
        scenario = smac.Scenario(
            made,
            deterministic=True,
            n_trials=budget,
            seed=seed,
            output_directory=tempfile.mkdtemp(),
        )
        facade = smac.HyperparameterOptimizationFacade
        self._facade = facade(scenario, _unasked, overwrite=True, logging_level=logging.ERROR)
        self._value = data.TrialValue
        self._space = space
        self._asked: dict[int, Any] = {}

    @staticmethod
    def _made(configs: Any, name: str, expression: object) -> object:  # noqa: ANN401 - as above
        match expression:
            case Choice():
                return configs.Categorical(name, [repr(value) for value in expression.values])
            case Uniform():
                return configs.Float(name, _ends(expression))
            case LogUniform():
                low, high = _ends(expression)
                return configs.Float(name, (math.exp(low), math.exp(high)), log=True)
            case QUniform():
                low, high = (round(e / expression.q) for e in _ends(expression))
                return configs.Integer(name, (low, high))
            case _:
                raise NotImplementedError(repr(expression))

    def ask(self, number: int) -> Parameters:
        """The parameters of a trial."""
        asked = self._asked[number] = self._facade.ask()
        values = dict(asked.config)
        for name, expression in self._space.items():
            if isinstance(expression, Choice):
                by_text = {repr(value): value for value in expression.values}
                values[name] = by_text[str(values[name])]
        return _multiplied(self._space, values)

    def tell(self, number: int, loss: float) -> None:
        """The loss of a trial that was asked for."""
        self._facade.tell(self._asked.pop(number), self._value(cost=loss))


def _unasked(config: object, seed: int = 0) -> float:
    """What SMAC would call itself if it were not asked and told."""
    raise NotImplementedError(config, seed)


def _ends(expression: Uniform | LogUniform | QUniform) -> tuple[float, float]:
    return float(expression.min_value), float(expression.max_value)


def _multiplied(space: SearchSpace, values: Mapping[str, Any]) -> Parameters:
    """Counts of steps become multiples of q."""
    steps = {name: e.q for name, e in space.items() if isinstance(e, QUniform)}
    return {
        name: int(values[name] * steps[name]) if name in steps else values[name] for name in space
    }


Maker = Callable[[SearchSpace, int, int], Method]

METHODS: dict[str, tuple[tuple[str, ...], Maker]] = {
    "Sweepfront": ((), lambda space, seed, _: Ours(space, seed)),
    "Optuna TPE": (("optuna",), lambda space, seed, _: Optuna(space, seed, "TPESampler")),
    "Optuna TPE univariate": (
        ("optuna",),
        lambda space, seed, _: Optuna(space, seed, "TPESampler", multivariate=False),
    ),
    "Optuna GP": (("optuna", "torch"), lambda space, seed, _: Optuna(space, seed, "GPSampler")),
    "Optuna CMA-ES": (
        ("optuna", "cmaes"),
        lambda space, seed, _: Optuna(space, seed, "CmaEsSampler"),
    ),
    "Nevergrad NGOpt": (("nevergrad",), Nevergrad),
    "SMAC": (("smac",), Smac),
    "Sobol": ((), lambda space, seed, _: Unguided(space, seed, "sobol")),
    "random": ((), lambda space, seed, _: Unguided(space, seed, "random")),
}
"""Each method: the libraries it needs, and how it is made from a space, a seed and a budget."""


def missing(method: str) -> list[str]:
    """The libraries of a method that are not installed."""
    return [name for name in METHODS[method][0] if importlib.util.find_spec(name) is None]
