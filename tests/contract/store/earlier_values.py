"""A value for every column of every table: whoever adds a column writes one for it here."""

from collections.abc import Callable
from datetime import timedelta

from tests.contract.store.samples import NOON, document

Values = dict[str, object]


def _sweeps(start: int) -> list[Values]:
    tags: list[dict[str, str]] = [{"project": "alpha", "team": "x"}, {"team": "y"}, {}]
    ends = [("completed", False), ("running", False), ("failed", True)]
    return [
        _sweep(start + place, f"sweep-{start + place}", tagged, status, archived)
        for place, (tagged, (status, archived)) in enumerate(zip(tags, ends, strict=True))
    ]


def _sweep(number: int, name: str, tags: dict[str, str], status: str, archived: bool) -> Values:  # noqa: FBT001 - a column
    made = document(name, tags=tags)
    ended = None if status == "running" else NOON + timedelta(minutes=5)
    return {
        "id": number,
        "name": name,
        "archived": archived,
        "project": tags.get("project"),
        "created_by": "ann",
        "backend": "local",
        "experiment_name": made.experiment_name,
        "primary_metric": "loss",
        "goal": "minimize",
        "document": made.normalized(),
        "document_hash": made.digest(),
        "request_id": f"request-{number}",
        "code": "0" * 64,
        "inputs": {"data": "/somewhere"},
        "status": status,
        "status_reason": "as asked — ünïcode",
        "provider_status": status,
        "provider_url": "https://example.com/job",
        "trial_counts": {"completed": 1, "running": 1},
        "best_trial": {"number": 0, "objective_value": 0.25, "parameters": {"x": 0.5}},
        "failed_alike": [],
        "warnings": ["mind the gap"],
        "created_at": NOON,
        "submitted_at": NOON + timedelta(seconds=1),
        "started_at": NOON + timedelta(seconds=2, microseconds=1),
        "finished_at": ended,
        "archived_at": NOON if archived else None,
        "artifacts_removed_at": NOON if ended else None,
        "logs_removed_at": NOON if ended else None,
        "metrics_thinned_at": NOON if ended else None,
        "events_removed_at": NOON if ended else None,
        "last_synced_at": NOON + timedelta(minutes=6),
        "sync_error": None,
        "failures": 0,
        "cancel_requested": False,
        "wishes": [],
        "resumes": 0,
        "cursor": '{"offset": 10}',
        "due_at": None if ended else 0.0,
        "lease_until": None,
        "lease_owner": None,
        "token": 3,
    }


def _tags(start: int) -> list[Values]:
    return [{"digest": f"digest-{place}", "sweep_id": start} for place in range(2)]


def _keys(start: int) -> list[Values]:
    return [{"key": f"key-{start}", "sweep_id": start, "document_hash": "abc"}]


def _trials(start: int) -> list[Values]:
    return [
        {
            "sweep_id": start + place,
            "number": number,
            "status": status,
            "status_reason": None,
            "objective_status": "reported",
            "objective_value": 0.25 + number,
            "last_value": 0.5,
            "parameters": {"x": 0.5, "kind": "a"},
            "metrics": {"loss": 0.5, "other": "NaN"},
            "attempt": 1,
            "inferred": False,
            "provider_run_id": f"run-{place}-{number}",
            "provider_status": status,
            "exit_code": 0,
            "fingerprint": None,
            "queued_at": NOON,
            "started_at": NOON,
            "finished_at": NOON + timedelta(seconds=9) if status == "completed" else None,
            "duration_seconds": 9.0,
        }
        for place in range(3)
        for number, status in enumerate(("completed", "running"))
    ]


def _metrics(start: int) -> list[Values]:
    return [
        {
            "id": 10 * start + place,
            "sweep_id": start,
            "trial": 0,
            "attempt": 1,
            "name": "loss",
            "interval": place + 1,
            "step": 2**40 + place,
            "value": None if place == 1 else 1 / (place + 3),
            "recorded_at": NOON + timedelta(seconds=place),
        }
        for place in range(4)
    ]


def _decisions(start: int) -> list[Values]:
    figures = {"value": "NaN", "threshold": 2.5, "compared": {"0": 2.0}}
    return [
        {
            "id": start,
            "sweep_id": start,
            "trial": 1,
            "attempt": 1,
            "interval": 1,
            "policy": "bandit",
            "figures": figures,
            "verdict": "stop",
            "reason": "interval 1: stopped",
            "too_late": False,
            "recorded_at": NOON,
        }
    ]


def _models(start: int) -> list[Values]:
    return [
        {
            "id": start + place,
            "model_name": "final_model",
            "version": start + place,
            "sweep": sweep,
            "project": project,
            "trial": 0,
            "backend": "local",
            "provider_version": "1",
            "artifact_path": "outputs/model.pkl",
            "uri": "file:///model.pkl",
            "primary_metric": "loss",
            "goal": "minimize",
            "value": 0.25,
            "parameters": {"x": 0.5},
            "metrics": {"loss": 0.25},
            "type": "custom_model",
            "tags": {"stage": "trial"},
            "description": "of a sweep that is gone" if place else None,
            "sha256": "00",
            "gate": {"min_improvement": 0.0},
            "created_at": NOON,
        }
        for place, (sweep, project) in enumerate(
            [(f"sweep-{start}", "alpha"), (f"purged-{start}", None)]
        )
    ]


def _events(start: int) -> list[Values]:
    told = [
        ("sweep.status", f"sweep-{start}", None, "alpha", {"status": "running"}),
        ("trial.status", f"sweep-{start}", 0, "alpha", {"number": 0, "status": "completed"}),
        ("sweep.status", f"sweep-{start + 1}", None, None, {"status": "running"}),
        ("sweep.purged", f"purged-{start}", None, None, {}),
    ]
    return [
        {
            "id": 10 * start + place,
            "type": kind,
            "sweep": sweep,
            "project": project,
            "trial": trial,
            "data": data,
            "at": NOON,
        }
        for place, (kind, sweep, trial, project, data) in enumerate(told)
    ]


def _webhooks(start: int) -> list[Values]:
    return [
        {
            "id": start,
            "url": "https://example.com/hook",
            "secret": "whsec_c2VjcmV0",
            "old_secret": None,
            "old_secret_until": None,
            "event_types": ["sweep.status"],
            "sweep": None,
            "project": None,
            "created_by": "ann",
            "description": "of the team",
            "active": True,
            "disabled_reason": None,
            "position": 10 * start,
            "created_at": NOON,
            "delivered_at": None,
            "attended_at": None,
            "held_until": None,
            "lease_until": None,
            "lease_owner": None,
            "token": 0,
        }
    ]


def _deliveries(start: int) -> list[Values]:
    return [
        {
            "id": start,
            "webhook_id": start,
            "message_id": f"msg_{start}",
            "event_id": 10 * start,
            "type": "sweep.status",
            "status": "pending",
            "attempts": 1,
            "due_at": 12.5,
            "last_attempt_at": NOON,
            "response_status": 503,
            "response_body": "later",
            "error": None,
            "created_at": NOON,
            "finished_at": None,
        }
    ]


def _signing_keys(start: int) -> list[Values]:
    return [{"name": f"embed-{start}", "key": "k" * 43}]


def _audit(start: int) -> list[Values]:
    return [
        {
            "id": start,
            "at": NOON,
            "actor": "ann",
            "kind": "user",
            "source": "127.0.0.1",
            "request_id": "request-1",
            "action": "sweep.submit",
            "target": f"sweep-{start}",
            "project": "alpha",
            "document_hash": "abc",
            "details": {"dry": False},
        }
    ]


def _chores(start: int) -> list[Values]:
    return [{"name": f"chore-{start}", "lease_owner": None, "lease_until": None, "done_at": 1.5}]


ROWS: dict[str, Callable[[int], list[Values]]] = {
    "sweeps": _sweeps,
    "sweep_tags": _tags,
    "idempotency_keys": _keys,
    "trials": _trials,
    "metrics": _metrics,
    "decisions": _decisions,
    "model_versions": _models,
    "events": _events,
    "webhooks": _webhooks,
    "webhook_deliveries": _deliveries,
    "signing_keys": _signing_keys,
    "audit": _audit,
    "chores": _chores,
}
"""By table, parents first: the rows that belong to the three sweeps from a number on."""
