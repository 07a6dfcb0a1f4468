"""What a HyperDrive configuration runs: its run configuration as a v2 trial.

Run configurations are known in three spellings: the arguments of `ScriptRunConfig` and of the older
estimators (`source_directory`), the service's JSON (`maxRunDurationSeconds`), and that of the REST
documentation (`MaxRunDurationSeconds`); case and underscores make no difference here.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SCRIPT = "train.py"
"""Stands in the command of a configuration that names no script."""
_DATA = ("data", "datareferences", "inputs", "outputdata", "datacaches")
_MANY = ("distributedjobconfig", "distributedtraining", "distributedbackend")
_IDLE = frozenset(
    {"framework", "communicator", "history", "autopreparenvironment", "autoprepareenvironment"}
    | {"amlcompute", "spark", "hdi", "tensorflow", "mpi", "pytorch", "nodecount", "jobname"}
    | {"credentialpassthrough", "sourcedirectorydatastore", "telemetryvalues", "usegpu"}
)
"""Keys of the service's own JSON that change nothing about a trial on one node."""


@dataclass(slots=True)
class Run:
    """A v2 trial, what belongs beside it, and what to tell the author.

    Attributes:
        trial: `command` and, where known, `code`, `environment`, `environment_variables`.
        compute: the v2 compute; None when the configuration names none.
        trial_timeout: seconds; None without one.
        notes: what could not be carried over.
        faults: (key of the run configuration, what is wrong with it).
    """

    trial: dict[str, object] = field(default_factory=dict)
    compute: str | None = None
    trial_timeout: int | None = None
    notes: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)


def convert_run(given: Mapping[str, object], hyperparameters: Mapping[str, str]) -> Run:
    """Convert a run configuration.

    Args:
        given: the configuration; empty when there is none.
        hyperparameters: v1 name to v2 name; v1 appends each to the script's arguments.
    """
    run, fields = Run(), _fields(_definition(given))
    run.trial["command"] = _command(run, fields, hyperparameters)
    if code := _text(run, fields, "sourcedirectory"):
        run.trial["code"] = code
    else:
        run.notes.append("trial.code: name the folder of the script (v1: source_directory)")
    _environment(run, fields)
    target = fields.get("computetarget") or fields.get("target")
    target = target.get("name") if isinstance(target, Mapping) else target
    if isinstance(target, str) and target not in ("", "local"):
        run.compute = f"azureml:{target}"
    seconds = fields.get("maxrundurationseconds")
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
        run.trial_timeout = seconds
    _rest(run, fields)
    return run


def _definition(given: Mapping[str, object]) -> Mapping[str, object]:
    """The run configuration itself, which the service keeps below Definition."""
    for keys in (("definition",), ("overrides", "configuration")):
        inner = [value for key, value in given.items() if key.lower() in keys]
        if inner and isinstance(inner[0], Mapping):
            given = inner[0]
    return given


def _fields(given: Mapping[str, object]) -> dict[str, object]:
    """The keys in one spelling; a run_config inside fills in what its owner leaves open."""
    found = {key.lower().replace("_", ""): value for key, value in given.items()}
    inner = found.pop("runconfig", None)
    if not isinstance(inner, Mapping):
        return found
    return {**_fields(inner), **{key: value for key, value in found.items() if value is not None}}


def _text(run: Run, fields: Mapping[str, object], *keys: str) -> str | None:
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str) and value:
            return value
        if value:
            run.faults.append((key, "must be text"))
    return None


def _command(run: Run, fields: Mapping[str, object], hyperparameters: Mapping[str, str]) -> str:
    given = fields.get("command")
    if isinstance(given, str) and given.strip():
        start = given.strip()
    elif isinstance(given, list) and given:
        start = shlex.join(str(word) for word in given)
    else:
        script = _text(run, fields, "script", "entryscript")
        if script is None:
            run.notes.append(
                f"trial.command: no script is named; put yours in the place of {SCRIPT}"
            )
        start = f"python {shlex.quote(script or SCRIPT)}"
    if "${{" in start:
        run.faults.append(("command" if given else "script", "may not hold ${{"))
    words = [start, *_arguments(run, fields, {name.lstrip("-") for name in hyperparameters})]
    for name, placeholder in hyperparameters.items():
        flag = name if name.startswith("-") else f"--{name}"
        words.append(f"{shlex.quote(flag)} ${{{{search_space.{placeholder}}}}}")
    return " ".join(words)


def _arguments(run: Run, fields: Mapping[str, object], swept: set[str]) -> Iterator[str]:
    """The fixed arguments, without those that a hyperparameter replaces (as v1 does it)."""
    key = "arguments" if fields.get("arguments") else "scriptparams"
    given = fields.get(key) or []
    words: Sequence[object]
    if isinstance(given, Mapping):
        words = [word for pair in given.items() for word in pair if word not in ("", None)]
    elif isinstance(given, str):
        try:
            words = shlex.split(given)
        except ValueError as error:
            run.faults.append((key, f"cannot be split into words: {error}"))
            return
    elif isinstance(given, list):
        words = given
    else:
        run.faults.append((key, "must be a list, an object or text"))
        return
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif isinstance(word, str) and word.startswith("-") and word.lstrip("-") in swept:
            skip = True
            run.notes.append(f"the argument {word} is a hyperparameter, too, which replaces it")
        elif isinstance(word, bool | int | float | str):
            yield _word(run, key, word)
        else:
            run.notes.append(
                f"argument {index} is v1 data; add an input and put ${{{{inputs.NAME}}}} in its place"
            )


def _word(run: Run, key: str, word: bool | float | str) -> str:  # noqa: FBT001 - a value
    text = str(word)
    if "${{" in text:
        run.faults.append((key, f"{text[:60]!r} may not hold ${{{{"))
    if text.startswith(
        ("$AZUREML_DATAREFERENCE", "DatasetConsumptionConfig:", "DatasetOutputConfig:")
    ):
        run.notes.append(
            f"the argument {text[:60]} is v1 data; add an input and put ${{{{inputs.NAME}}}} there"
        )
    return shlex.quote(text)


def _environment(run: Run, fields: Mapping[str, object]) -> None:
    given = fields.get("environment")
    variables: object = fields.get("environmentvariables")
    if isinstance(given, str) and given:
        run.trial["environment"] = _registered(run, given)
    elif isinstance(given, Mapping):
        parts = _fields(given)
        variables = variables or parts.get("environmentvariables")
        if found := _described(run, parts):
            run.trial["environment"] = found
    if "environment" not in run.trial:
        run.notes.append("trial.environment: name one (azureml:NAME:VERSION); Azure ML needs it")
    if isinstance(variables, Mapping) and variables:
        run.trial["environment_variables"] = {
            str(name): str(value) for name, value in variables.items()
        }


def _registered(run: Run, name: str) -> str:
    name = name.removeprefix("azureml:")
    if ":" in name or "@" in name:
        return f"azureml:{name}"
    run.notes.append(f"trial.environment: {name} has no version here, so the latest is taken")
    return f"azureml:{name}@latest"


def _described(run: Run, parts: Mapping[str, object]) -> str | dict[str, object] | None:
    """A registered environment by name and version, else its image with its conda packages."""
    name, version = parts.get("name"), parts.get("version")
    if isinstance(name, str) and name and isinstance(version, str | int):
        return f"azureml:{name}:{version}"
    docker, python = parts.get("docker"), parts.get("python")
    image = _fields(docker).get("baseimage") if isinstance(docker, Mapping) else None
    packages = _fields(python).get("condadependencies") if isinstance(python, Mapping) else None
    if isinstance(image, str) and image:
        conda = {"conda_file": dict(packages)} if isinstance(packages, Mapping) else {}
        return {"image": image, **conda}
    return _registered(run, name) if isinstance(name, str) and name else None


def _rest(run: Run, fields: Mapping[str, object]) -> None:
    """Say what stays behind."""
    if any(fields.get(key) for key in _DATA):
        run.notes.append("inputs: v1 data references and datasets are not carried over; add inputs")
    nodes = fields.get("nodecount")
    if any(fields.get(key) for key in _MANY) or (isinstance(nodes, int) and nodes > 1):
        run.notes.append(
            "trial.distribution and trial.resources.instance_count: not carried over; fill them in"
        )
    known = {"command", "script", "entryscript", "arguments", "scriptparams", "sourcedirectory"}
    known |= {"environment", "environmentvariables", "computetarget", "target"}
    known |= {"maxrundurationseconds", *_DATA, *_MANY, *_IDLE}
    if left := sorted(key for key, value in fields.items() if value and key not in known):
        run.notes.append(f"of the run configuration, not carried over: {', '.join(left)}")
