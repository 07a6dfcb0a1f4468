"""HyperDrive configurations (Azure ML's SDK v1) as sweep documents.

Two forms are read: the words of the `HyperDriveConfig` constructor (`hyperparameter_sampling`,
`max_total_runs`, ...), and what the service stores (`generator_config`, `max_total_jobs`, ...).
Reference: https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.sweep.errors import FieldError, InvalidDocumentError
from app.sweep.faults import pointer
from app.sweep.hyperdrive_run import Run, convert_run
from app.sweep.hyperdrive_words import WordsError, expression, named, plain, v2_name
from app.sweep.parsing import parse_document

_DEFAULT_MINUTES = 10_080
_WRAPPERS = ("hyperdriveconfig", "hyperdriverunconfig")
_SPACE = ("parameter_space", "properties")
_SAMPLERS = {
    "randomparametersampling": "random",
    "random": "random",
    "gridparametersampling": "grid",
    "grid": "grid",
    "bayesianparametersampling": "bayesian",
    "bayesianoptimization": "bayesian",
}
_JUDGING = ("evaluation_interval", "delay_evaluation")
_BANDIT = ("evaluation_interval", "slack_factor", "slack_amount", "delay_evaluation")
_TRUNCATION = ("truncation_percentage", *_JUDGING, "exclude_finished_jobs")
_POLICIES = {
    "banditpolicy": ("bandit", _BANDIT),
    "bandit": ("bandit", _BANDIT),
    "medianstoppingpolicy": ("median_stopping", _JUDGING),
    "medianstopping": ("median_stopping", _JUDGING),
    "truncationselectionpolicy": ("truncation_selection", _TRUNCATION),
    "truncationselection": ("truncation_selection", _TRUNCATION),
    "noterminationpolicy": (None, ()),
    "default": (None, ()),
}
_RUNS = ("run_config", "script_run_config", "estimator", "platform_config")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A sweep document that every rule of the language holds for, and what to tell its author."""

    document: dict[str, object]
    notes: list[str]


def convert(body: Mapping[str, object]) -> Conversion:
    """Convert a configuration.

    Args:
        body: the configuration, decoded; its numbers are finite and its integers of 64 bits.

    Raises:
        InvalidDocumentError: what cannot be carried over; one entry per fault, pointing into `body`.
    """
    return _Conversion(body).result()


@dataclass(slots=True)
class _Conversion:
    body: Mapping[str, object]
    prefix: tuple[str, ...] = ()
    document: dict[str, object] = field(default_factory=lambda: {"type": "sweep"})
    notes: list[str] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    """Where a key of the document comes from: its pointer, and the pointer into the body."""
    seen: set[str] = field(default_factory=set)

    def result(self) -> Conversion:
        key = next(iter(self.body), "")
        inner = self.body.get(key)
        if len(self.body) == 1 and key.lower().replace("_", "") in _WRAPPERS:
            self.body, self.prefix = inner if isinstance(inner, Mapping) else {}, (key,)
        names = self._sampling()
        self._objective()
        self._policy()
        self._limits()
        self._run(names)
        if self.faults:
            raise InvalidDocumentError(self.faults)
        try:
            parse_document(self.document)
        except InvalidDocumentError as error:
            raise InvalidDocumentError(list(self._placed(error))) from error
        left = sorted(key for key in self.body if key not in self.seen and self.body[key])
        if left:
            self.notes.append(f"not carried over: {', '.join(left)}")
        return Conversion(document=self.document, notes=self.notes)

    def _take(self, *keys: str) -> tuple[str, object]:
        """The first of these keys that is there, with its value; the first and None without."""
        self.seen.update(keys)
        for key in keys:
            if self.body.get(key) is not None:
                return key, self.body[key]
        return keys[0], None

    def _fault(self, message: str, *path: str) -> None:
        self.faults.append(FieldError(pointer=pointer((*self.prefix, *path)), message=message))

    def _from(self, there: str, *path: str) -> None:
        self.places[there] = pointer((*self.prefix, *path))

    def _sampling(self) -> dict[str, str]:
        """The sampling algorithm and the search space; v1 names of hyperparameters to v2 names."""
        key, value = self._take("hyperparameter_sampling", "generator_config")
        self._from("/sampling_algorithm", key)
        self._from("/search_space", key)
        if value is None:
            self._fault("is required: RandomParameterSampling, Grid... or Bayesian...", key)
            return {}
        try:
            name, fields = named(value, dict.fromkeys(_SAMPLERS, _SPACE))
        except WordsError as error:
            self._fault(str(error), key)
            return {}
        kind = _SAMPLERS[name]
        properties = fields.get("properties") or {}
        seed = properties.get("seed") if isinstance(properties, Mapping) else None
        self.document["sampling_algorithm"] = {"type": kind, **({"seed": seed} if seed else {})}
        space = fields.get(
            "parameter_space", {k: v for k, v in fields.items() if k != "properties"}
        )
        if not isinstance(space, Mapping):
            self._fault("parameter_space must be an object", key)
            return {}
        return self._space(key, space)

    def _space(self, key: str, space: Mapping[str, object]) -> dict[str, str]:
        found: dict[str, object] = {}
        names: dict[str, str] = {}
        for v1, value in space.items():
            name, place = v2_name(v1), (key, *_path_to(v1, self.body[key]))
            if name is None or name in found:
                what = "is no name" if name is None else f"becomes {name}, as another one does"
                self._fault(f"{v1!r} {what}; rename it", *place)
                continue
            if name != v1.lstrip("-"):
                self.notes.append(f"search_space.{name}: was {v1}, which the command still passes")
            try:
                found[name] = expression(value)
            except WordsError as error:
                self._fault(f"{v1}: {error}", *place)
            self._from(f"/search_space/{name}", *place)
            names[v1] = name
        self.document["search_space"] = found
        return names

    def _objective(self) -> None:
        key, config = self._take("primary_metric_config")
        name_key, name = self._take("primary_metric_name")
        goal_key, goal = self._take("primary_metric_goal")
        try:
            parts = plain(config)
        except WordsError as error:
            self._fault(str(error), key)
            return
        if isinstance(parts, Mapping):
            name, goal = name or parts.get("name"), goal or parts.get("goal")
            name_key = goal_key = key
        if not isinstance(name, str):
            self._fault("is required: the name of the metric, as text", name_key)
        direction = str(goal).rsplit(".", 1)[-1].lower()
        if direction not in ("minimize", "maximize"):
            self._fault(
                "must be PrimaryMetricGoal.MINIMIZE or PrimaryMetricGoal.MAXIMIZE", goal_key
            )
        self.document["objective"] = {"primary_metric": name, "goal": direction}
        self._from("/objective", name_key)
        self.notes.append(
            f"the script must log {name} with mlflow.log_metric; v1's run.log is not read"
        )

    def _policy(self) -> None:
        key, value = self._take("policy", "policy_config")
        if value is None:
            return
        try:
            name, fields = named(value, {name: order for name, (_, order) in _POLICIES.items()})
        except WordsError as error:
            self._fault(str(error), key)
            return
        kind, order = _POLICIES[name]
        if kind is None:
            return
        for unknown in fields.keys() - set(order):
            self._fault(f"{unknown} is no field of {kind}", key)
        given = {name: fields[name] for name in order if fields.get(name) is not None}
        self.document["early_termination"] = {
            "type": kind,
            "evaluation_interval": given.pop("evaluation_interval", 1),
            **given,
        }
        self._from("/early_termination", key)

    def _limits(self) -> None:
        limits: dict[str, object] = {}
        for there, required, keys in (
            ("max_total_trials", True, ("max_total_runs", "max_total_jobs")),
            ("max_concurrent_trials", False, ("max_concurrent_runs", "max_concurrent_jobs")),
        ):
            key, value = self._take(*keys)
            self._from(f"/limits/{there}", key)
            if value is not None:
                limits[there] = _number(value)
            elif required:
                self._fault("is required: how many runs at most", key)
            else:
                self.notes.append(
                    "limits.max_concurrent_trials: v1 starts all runs at once; the backend's own "
                    "default holds here"
                )
        key, value = self._take("max_duration_minutes")
        self._from("/limits/timeout", key)
        minutes = _number(_DEFAULT_MINUTES if value is None else value)
        if value is None:
            self.notes.append(f"limits.timeout: v1's default of {_DEFAULT_MINUTES} minutes")
        if isinstance(minutes, int | float) and not isinstance(minutes, bool):
            limits["timeout"] = round(minutes * 60)
        else:
            self._fault("must be a number of minutes", key)
        self.document["limits"] = limits

    def _run(self, names: Mapping[str, str]) -> None:
        key, value = self._take(*_RUNS)
        try:
            given = plain(value)
        except WordsError as error:
            self._fault(str(error), key)
            return
        if given is not None and not isinstance(given, Mapping):
            self._fault("must be an object", key)
            return
        run = convert_run(given or {}, names)
        for there, message in run.faults:
            self._fault(f"{there}: {message}", key)
        self._from("/trial", key)
        self._from("/compute", key)
        self._from("/limits/trial_timeout", key)
        self._from("/experiment_name", "experiment_name")
        self._from("/description", "description")
        self._assemble(run, given or {})

    def _assemble(self, run: Run, platform: Mapping[str, object]) -> None:
        """Put the keys into the order in which people write them."""
        _, experiment = self._take("experiment_name")
        experiment = experiment or platform.get("ExperimentName")
        _, description = self._take("description")
        limits = self.document.get("limits", {})
        if run.trial_timeout is not None and isinstance(limits, dict):
            limits["trial_timeout"] = run.trial_timeout
        head: dict[str, object] = {"type": "sweep"}
        if experiment:
            head["experiment_name"] = experiment
        if description:
            head["description"] = description
        tail = {"compute": run.compute} if run.compute else {}
        self.document = {**head, "trial": run.trial, **self.document, **tail}
        self.notes += run.notes

    def _placed(self, error: InvalidDocumentError) -> Iterator[FieldError]:
        """The document's faults at the keys that they come from."""
        for fault in error.errors:
            known = [place for place in self.places if fault.pointer.startswith(place)]
            place = self.places[max(known, key=len)] if known else ""
            where = fault.pointer.removeprefix("/").replace("/", ".")
            yield FieldError(
                pointer=place, message=f"gives {where}: {fault.message}", value=fault.value
            )


def _path_to(name: str, value: object) -> tuple[str, ...]:
    """Where an object, or one within it, has that key; nowhere in text."""
    if not isinstance(value, Mapping):
        return ()
    if name in value:
        return (name,)
    return next(
        ((key, *path) for key, inner in value.items() if (path := _path_to(name, inner))), ()
    )


def _number(value: object) -> object:
    """A number that a run's tags keep as text."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value
