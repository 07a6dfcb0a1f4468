"""The request that Azure ML gets for a sweep, made from the document alone; pure.

It is what azure-ai-ml 1.35 sends, written down here because importing that library takes seconds
and its upload of code and data has to happen before it knows every id. What only the submission
can tell stands in braces: {code asset of train}, {upload of data.csv}, {environment asset: IMAGE},
{latest} for the version behind a label, {workspace} and the like for a setting that is missing.
Run from within a git checkout, the SDK adds that checkout's commit to `properties`; this does not.
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.backends.azureml.ids import Ids
from app.backends.azureml.job import azure_document
from app.backends.azureml.workspace import Place
from app.sweep.data import DataInput
from app.sweep.record import Submission

API_VERSION = "2024-01-01-preview"
_Json = dict[str, Any]

_ARGUMENTS = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": ("min_value", "max_value"),
    "quniform": ("min_value", "max_value", "q"),
    "loguniform": ("min_value", "max_value"),
    "qloguniform": ("min_value", "max_value", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
_DISTRIBUTIONS = {"mpi": "Mpi", "pytorch": "PyTorch", "tensorflow": "TensorFlow", "ray": "Ray"}
_IDENTITIES = {"managed": "Managed", "user_identity": "UserIdentity", "aml_token": "AMLToken"}
_INPUT_MODES = {
    "ro_mount": "ReadOnlyMount",
    "download": "Download",
    "direct": "Direct",
    "eval_mount": "EvalMount",
    "eval_download": "EvalDownload",
}
_OUTPUT_MODES = {
    "rw_mount": "ReadWriteMount",
    "mount": "ReadWriteMount",
    "upload": "Upload",
    "direct": "Direct",
}
_PRIORITIES = {"low": 1, "medium": 2, "high": 3}
_PROPERTIES = {
    "aisupercomputer": "AISuperComputer",
    "singularity": "AISuperComputer",
    "itp": "itp",
    "target_selector": "target_selector",
}
_LEAST_SECONDS = 60


def request_of(submission: Submission, place: Place) -> _Json:
    """The PUT that the SDK sends for this sweep.

    Args:
        submission: its code and the paths of its inputs are not looked at.
        place: the workspace; settings may be missing.

    Returns:
        `method`, `path`, `query` and `body`, JSON values.
    """
    ids = Ids(place)
    return {
        "method": "PUT",
        "path": ids.job(submission.name),
        "query": {"api-version": API_VERSION},
        "body": {"properties": _properties(submission, ids)},
    }


def _properties(submission: Submission, ids: Ids) -> _Json:
    body = azure_document(submission)
    trial = _trial(submission, body["trial"], ids)
    resources = _given(body.get("resources"), _resources)
    compute = body.get("compute")
    return _present(
        {
            "jobType": "Sweep",
            "isArchived": False,
            "displayName": body.get("display_name") or submission.name,
            "description": body.get("description"),
            "experimentName": body["experiment_name"],
            "tags": body["tags"],
            "properties": body.get("properties", {}),
            "searchSpace": {name: _expression(e) for name, e in body["search_space"].items()},
            "samplingAlgorithm": _sampling(body["sampling_algorithm"]),
            "objective": {
                "goal": body["objective"]["goal"],
                "primaryMetric": body["objective"]["primary_metric"],
            },
            "limits": _limits(body["limits"]),
            "earlyTermination": _given(body.get("early_termination"), _policy),
            "trial": trial,
            "inputs": _inputs(submission, ids),
            "outputs": {name: _output(given) for name, given in body["outputs"].items()},
            "computeId": None if compute is None else ids.compute(compute),
            "queueSettings": _given(body.get("queue_settings"), _queue),
            "identity": _given(body.get("identity"), _identity),
            # A sweep without resources of its own gets its trial's.
            "resources": resources or trial.get("resources"),
        }
    )


def _present(values: Mapping[str, Any]) -> _Json:
    return {key: value for key, value in values.items() if value is not None}


def _given(value: _Json | None, change: Callable[[_Json], _Json]) -> _Json | None:
    return None if value is None else change(value)


def _camel(given: Mapping[str, Any]) -> _Json:
    """The keys in camel case."""
    words = {key: key.split("_") for key in given}
    return {
        first + "".join(word.capitalize() for word in rest): given[key]
        for key, (first, *rest) in words.items()
    }


def _expression(given: Mapping[str, Any]) -> list[Any]:
    """[type, arguments]; a choice has one argument, the list of its values."""
    arguments = [given[name] for name in _ARGUMENTS[given["type"]]]
    if given["type"] == "choice":
        arguments = [[_value(value) for value in given["values"]]]
    return [given["type"], arguments]


def _value(given: Any) -> Any:  # noqa: ANN401 - a constant or a branch
    if not isinstance(given, dict):
        return given
    return {
        name: _expression(value) if isinstance(value, dict) else value
        for name, value in given.items()
    }


def _sampling(given: Mapping[str, Any]) -> _Json:
    if given["type"] != "random":
        return {"samplingAlgorithmType": given["type"].capitalize()}
    base = given["logbase"]
    return _present(
        {
            "samplingAlgorithmType": "Random",
            "seed": given.get("seed"),
            "rule": given["rule"],
            "logbase": base if base == "e" else str(float(base)),
        }
    )


def _limits(given: Mapping[str, Any]) -> _Json:
    times = {key: _duration(given[key]) for key in ("timeout", "trial_timeout") if key in given}
    return {"jobLimitsType": "Sweep", **_camel({**given, **times})}


def _duration(seconds: int) -> str:
    """ISO 8601; less than a minute is made a minute, because the service would make it 60 days."""
    minutes, second = divmod(max(seconds, _LEAST_SECONDS), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = "".join(f"{n}{unit}" for n, unit in ((hour, "H"), (minute, "M"), (second, "S")) if n)
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _policy(given: _Json) -> _Json:
    """The SDK writes 0 for the slack that is not given."""
    kind = "".join(word.capitalize() for word in given["type"].split("_"))
    slack = {"slackFactor": 0, "slackAmount": 0} if kind == "Bandit" else {}
    rest = {key: value for key, value in given.items() if key != "type"}
    return {"policyType": kind, **slack, **_camel(rest)}


def _trial(submission: Submission, given: Mapping[str, Any], ids: Ids) -> _Json:
    return _present(
        {
            "command": given["command"],
            "codeId": _code(submission, ids),
            "environmentId": _environment(given.get("environment"), ids),
            "environmentVariables": given["environment_variables"],
            "distribution": _given(given.get("distribution"), _distribution),
            "resources": _given(given.get("resources"), _resources),
        }
    )


def _code(submission: Submission, ids: Ids) -> str | None:
    code = submission.document.trial.code
    if code is None:
        return None
    if submission.document.trial.code_asset:
        return ids.code(code)
    return f"{{code asset of {code}}}"


def _environment(given: str | Mapping[str, Any] | None, ids: Ids) -> str | None:
    if given is None:
        return None
    if isinstance(given, str):
        return ids.environment(given)
    return f"{{environment asset: {given.get('image', 'without an image')}}}"


def _distribution(given: _Json) -> _Json:
    rest = {key: value for key, value in given.items() if key != "type"}
    return {"distributionType": _DISTRIBUTIONS[given["type"]], **_camel(rest)}


def _resources(given: _Json) -> _Json:
    """Docker arguments as a list have a key of their own, beside which the SDK drops two others."""
    rest = {key: value for key, value in given.items() if key != "properties"}
    if rest.get("docker_args") and isinstance(rest["docker_args"], list):
        rest["docker_args_list"] = rest.pop("docker_args")
        rest.pop("locations", None)
        rest.pop("max_instance_count", None)
    properties = {
        _PROPERTIES.get(key.lower(), key): value
        for key, value in _without_empty(given.get("properties") or {}).items()
    }
    return {**_camel(rest), "properties": properties}


def _without_empty(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without nulls and empty objects on any level, which the SDK leaves out of properties."""
    if isinstance(value, dict):
        kept = ((key, _without_empty(item)) for key, item in value.items())
        return {key: item for key, item in kept if item is not None and item != {}}
    if isinstance(value, list):
        return [item for item in map(_without_empty, value) if item is not None and item != {}]
    return value


def _inputs(submission: Submission, ids: Ids) -> _Json:
    return {name: _input(given, ids) for name, given in submission.document.inputs.items()}


def _input(given: DataInput | str | float, ids: Ids) -> _Json:
    if not isinstance(given, DataInput):
        return {"jobInputType": "literal", "value": str(given)}
    uri = ids.data(given.path, given.type) if given.remote else f"{{upload of {given.path}}}"
    mode = None if given.mode is None else _INPUT_MODES[given.mode]
    return _present({"jobInputType": given.type, "uri": uri, "mode": mode})


def _output(given: Mapping[str, Any]) -> _Json:
    return _present(
        {
            "jobOutputType": given["type"],
            "uri": given.get("path"),
            "mode": _OUTPUT_MODES.get(given.get("mode", "")),
            "assetName": given.get("name"),
            "assetVersion": given.get("version"),
        }
    )


def _queue(given: _Json) -> _Json:
    tier = given.get("job_tier")
    return _present(
        {
            "jobTier": None if tier is None else tier.capitalize(),
            "priority": _PRIORITIES.get(given.get("priority", "")),
        }
    )


def _identity(given: _Json) -> _Json:
    rest = {key: value for key, value in given.items() if key != "type"}
    return {"identityType": _IDENTITIES[given["type"]], **_camel(rest)}
