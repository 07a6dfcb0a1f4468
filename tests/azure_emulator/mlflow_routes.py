"""The workspace's MLflow endpoint: MLflow's own store and messages under Azure's names of runs."""

import json
import re
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from mlflow.entities import Run, RunTag, ViewType
from mlflow.protos import service_pb2
from mlflow.utils.proto_json_utils import message_to_json

from app.engine.sweep_runs import PARAMETERS_TAG, SWEEP_TAG, TRIAL_TAG
from tests.azure_emulator.specification import check_mlflow
from tests.azure_emulator.sweeps import RunsSweeps

Json = dict[str, Any]
_PARENT = re.compile(r"tags\.`?mlflow\.parentRunId`?\s*=\s*'([^']+)'")
_NAME = re.compile(r"(.+)_(\d+)\Z")


class MlflowRoutes:
    """What `RestStore` calls."""

    def __init__(self, sweeps: RunsSweeps, *, page: int = 100) -> None:
        """Serve the runs of sweeps; a metric's history in pages of so many values."""
        self._sweeps = sweeps
        self._page = page
        self.router = APIRouter(prefix="/mlflow/v2.0/{scope:path}/api/2.0/mlflow")
        add = self.router.add_api_route
        add("/experiments/get-by-name", self._experiment)
        add("/runs/search", self._search, methods=["POST"])
        add("/runs/get", self._run)
        add("/runs/set-tag", self._set_tag, methods=["POST"])
        add("/runs/delete-tag", self._delete_tag, methods=["POST"])
        add("/metrics/get-history", self._history)

    def _experiment(self, scope: str, experiment_name: str) -> Json:  # noqa: ARG002 - a part of the path
        found = self._sweeps.store.get_experiment_by_name(experiment_name)
        if found is None:
            body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": experiment_name}
            raise HTTPException(404, body)
        return {"experiment": json.loads(message_to_json(found.to_proto()))}

    async def _search(self, scope: str, request: Request) -> Json:  # noqa: ARG002
        body = await request.json()
        check_mlflow(body, service_pb2.SearchRuns())
        match = _PARENT.search(body.get("filter", ""))
        if match is None:
            raise HTTPException(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "filter"})
        await run_in_threadpool(self._sweeps.upload_finished, match[1])
        found = self._sweeps.store.search_runs(
            body["experiment_ids"],
            f"tags.`{SWEEP_TAG}` = '{match[1]}' AND tags.`{TRIAL_TAG}` != ''",
            ViewType.ACTIVE_ONLY,
            int(body.get("max_results", 1000)),
            body.get("order_by"),
            body.get("page_token") or None,
        )
        answer = service_pb2.SearchRuns.Response()
        answer.runs.extend([self._named(run).to_proto() for run in found])
        if found.token:
            answer.next_page_token = found.token
        result: Json = json.loads(message_to_json(answer))
        return result

    def _run(self, scope: str, run_id: str) -> Json:  # noqa: ARG002
        run = self._named(self._sweeps.store.get_run(self._real(run_id)))
        return {"run": json.loads(message_to_json(run.to_proto()))}

    async def _set_tag(self, scope: str, request: Request) -> Json:  # noqa: ARG002
        body = await request.json()
        check_mlflow(body, service_pb2.SetTag())
        tag = RunTag(body["key"], body["value"])
        self._sweeps.store.set_tag(self._real(body["run_id"]), tag)
        return {}

    async def _delete_tag(self, scope: str, request: Request) -> Json:  # noqa: ARG002
        body = await request.json()
        self._sweeps.store.delete_tag(self._real(body["run_id"]), body["key"])
        return {}

    def _history(self, scope: str, request: Request) -> Json:  # noqa: ARG002
        query = dict(request.query_params)
        check_mlflow(query, service_pb2.GetMetricHistory())
        real = self._real(query["run_id"])
        found = self._sweeps.store.get_metric_history(real, query["metric_key"])
        start = int(query.get("page_token") or 0)
        page = found[start : start + self._page]
        answer = service_pb2.GetMetricHistory.Response()
        answer.metrics.extend([metric.to_proto() for metric in page])
        if start + len(page) < len(found):
            answer.next_page_token = str(start + len(page))
        result: Json = json.loads(message_to_json(answer))
        return result

    def _named(self, run: Run) -> Run:
        """The run as Azure shows it: its name is its id, and its hyperparameters are a tag."""
        tags = run.data.tags
        name = f"{tags[SWEEP_TAG]}_{tags[TRIAL_TAG]}"
        run.info._run_id = name  # noqa: SLF001 - it has no setter
        tags["mlflow.parentRunId"] = tags.pop(SWEEP_TAG)
        tags["hyperparameters"] = tags.pop(PARAMETERS_TAG)
        del tags[TRIAL_TAG]
        return run

    def _real(self, name: str) -> str:
        """MLflow's id of a run of ours; an interrupted trial's is that of its last attempt."""
        match = _NAME.match(name)
        if match is None or match[1] not in self._sweeps.names():
            raise HTTPException(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": name})
        trial = self._sweeps.look(match[1]).trials.get(int(match[2]))
        if trial is None or trial.provider_run_id is None:
            raise HTTPException(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": name})
        return trial.provider_run_id
