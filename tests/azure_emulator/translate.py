"""The job as Azure's REST API has it, read back as a sweep document; pure."""

import re
from typing import Any

from app.sweep.document import SweepDocument
from app.sweep.parsing import parse_document

Json = dict[str, Any]

_FIELDS = {
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
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?\Z")
_POLICIES = {
    "Bandit": "bandit",
    "MedianStopping": "median_stopping",
    "TruncationSelection": "truncation_selection",
}
_POLICY_FIELDS = {
    "evaluationInterval": "evaluation_interval",
    "delayEvaluation": "delay_evaluation",
    "slackFactor": "slack_factor",
    "slackAmount": "slack_amount",
    "truncationPercentage": "truncation_percentage",
}


def document_of(
    name: str, properties: Json, paths: dict[str, str], *, haste: int = 1
) -> SweepDocument:
    """The document that a sweep job asks for.

    Args:
        name: of the job.
        properties: of the job, as they were put.
        paths: where each data input lies on this machine.
        haste: how many times shorter limits of time become.
    """
    sampling = properties["samplingAlgorithm"]
    limits = properties.get("limits") or {}
    total = limits.get("maxTotalTrials") or 1000
    body: Json = {
        "name": name,
        "backend": "local",
        "experiment_name": properties["experimentName"],
        "trial": {
            "command": properties["trial"]["command"],
            "environment_variables": properties["trial"].get("environmentVariables") or {},
        },
        "inputs": {
            key: given["value"]
            if given["jobInputType"] == "literal"
            else {
                "type": "uri_folder" if given["jobInputType"] == "uri_folder" else "uri_file",
                "path": paths[key],
            }
            for key, given in (properties.get("inputs") or {}).items()
        },
        "outputs": {key: {"type": "uri_folder"} for key in properties.get("outputs") or {}},
        "search_space": _space(properties["searchSpace"]),
        "sampling_algorithm": _sampling(sampling),
        "objective": {
            "primary_metric": properties["objective"]["primaryMetric"],
            "goal": properties["objective"]["goal"].lower(),
        },
        "limits": {
            "max_total_trials": total,
            "max_concurrent_trials": min(limits.get("maxConcurrentTrials") or total, 100),
            "timeout": _seconds(limits.get("timeout"), haste),
            "trial_timeout": _seconds(limits.get("trialTimeout"), haste),
        },
    }
    if policy := properties.get("earlyTermination"):
        body["early_termination"] = _policy(policy)
    return parse_document(body)


def _space(space: Json) -> Json:
    return {name: _expression(written) for name, written in space.items()}


def _expression(written: Any) -> Any:  # noqa: ANN401 - JSON
    if not (isinstance(written, list) and written and written[0] in _FIELDS):
        return written
    kind, values = written
    fields = dict(zip(_FIELDS[kind], values, strict=True))
    if kind == "choice":
        fields["values"] = [
            {k: _expression(v) for k, v in value.items()} if isinstance(value, dict) else value
            for value in fields["values"]
        ]
    return {"type": kind, **fields}


def _sampling(sampling: Json) -> Json:
    kind = sampling["samplingAlgorithmType"].lower()
    if kind != "random":
        return {"type": kind}
    given = {key: sampling.get(key) for key in ("seed", "rule", "logbase")}
    found = {key: value for key, value in given.items() if value is not None}
    if "rule" in found:
        found["rule"] = found["rule"].lower()
    if found.get("logbase") not in (None, "e"):
        found["logbase"] = float(found["logbase"])
    return {"type": kind, **found}


def _policy(policy: Json) -> Json:
    found = {ours: policy[theirs] for theirs, ours in _POLICY_FIELDS.items() if policy.get(theirs)}
    return {"type": _POLICIES[policy["policyType"]], **found}


def _seconds(duration: str | None, haste: int) -> int | None:
    if duration is None:
        return None
    match = _DURATION.match(duration)
    if match is None:
        raise ValueError(f"{duration!r} is no ISO 8601 duration")
    days, hours, minutes, seconds = (float(group or 0) for group in match.groups())
    return max(1, int(((days * 24 + hours) * 60 + minutes) * 60 + seconds) // haste)
