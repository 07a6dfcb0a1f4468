"""What the local engine takes of a document, what it refuses, and what has no effect on it."""

from collections.abc import Iterator
from pathlib import Path

from app.backends.base import Capabilities, Judgement
from app.backends.environments import PYTHON
from app.backends.local_data import INPUT_TYPES, refused_inputs
from app.backends.local_environment import Find, wanted_environment
from app.backends.local_options import LocalOptions
from app.engine.limits import threads_per_trial
from app.sweep.data import DataInput
from app.sweep.document import SweepDocument
from app.sweep.errors import FieldError, SweepfrontError

DEFAULTS = LocalOptions()
_NO_EFFECT = ("compute", "resources", "queue_settings", "identity", "properties")
_NO_EFFECT_IN_TRIAL = ("distribution", "resources")


def nowhere(path: str) -> Path:
    """Finds nothing: for a backend without code roots.

    Raises:
        SweepfrontError: always.
    """
    raise SweepfrontError(f"{path!r} cannot be looked for: there are no code roots here")


def capabilities_of(options: LocalOptions, slots: int) -> Capabilities:
    """What the local backend can do, and what it holds trials to."""
    number = threads_per_trial(slots)
    threads = f"{number} thread{'s' if number != 1 else ''}"
    python = ".".join(map(str, PYTHON))
    notes = [
        "random takes rule: sobol and logbase",
        "bayesian takes every expression, and branches",
        "the cloud's own keys (compute, resources, ...) are stored and have no effect",
        f"environment: a requirements file, or a conda file with pip entries, for Python {python}",
        f"each trial has {threads} (OMP_NUM_THREADS ...) unless its environment_variables say more",
        f"of each log {options.max_log_bytes} bytes are kept",
    ]
    if options.trial_memory is not None:
        notes.append(f"each trial may hold {options.trial_memory} bytes of memory")
    if options.downloads:
        notes.append(f"a uri_file may be an http(s) URL of {options.max_download_bytes} bytes")
    return Capabilities(
        name="local",
        sampling_algorithms=["random", "grid", "bayesian"],
        early_termination=["bandit", "median_stopping", "truncation_selection"],
        input_types=["literal", *INPUT_TYPES],
        slots=slots,
        notes=notes,
    )


def judgement_of(
    document: SweepDocument, options: LocalOptions = DEFAULTS, find: Find = nowhere
) -> Judgement:
    """Hold a document against what runs on this machine.

    Args:
        document: to judge.
        options: what the service's owner decided.
        find: finds the files that the document names.
    """
    environment = wanted_environment(document, options, find)
    return Judgement(
        errors=[*_refused(document, options), *environment.errors],
        warnings=[*_without_effect(document), *environment.warnings],
    )


def _refused(document: SweepDocument, options: LocalOptions) -> Iterator[FieldError]:
    if document.trial.code_asset:
        yield FieldError(
            pointer="/trial/code",
            message="a registered code asset exists only on Azure; name a folder under a code "
            "root or upload one with POST /v1/code",
            value=document.trial.code,
        )
    yield from refused_inputs(document, options)


def _without_effect(document: SweepDocument) -> Iterator[str]:
    trial = document.trial
    keys = {key: getattr(document, key) for key in _NO_EFFECT}
    keys |= {f"trial.{key}": getattr(trial, key) for key in _NO_EFFECT_IN_TRIAL}
    keys |= {f"outputs.{name}.mode": output.mode for name, output in document.outputs.items()}
    keys |= {
        f"inputs.{name}.{key}": getattr(given, key)
        for name, given in document.inputs.items()
        if isinstance(given, DataInput)
        for key in ("mode", "datastore")
    }
    for key, value in keys.items():
        if value is not None:
            yield f"{key} has no effect on the local backend; it is kept for Azure ML"
