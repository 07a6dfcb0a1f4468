"""A trial's MLflow run before MLflow has it: what it will be, as a row and as an entity.

A trial starts at once with a run that the engine names; the row is written later, together with
what the trial has logged by then. What a script reads of its own run until it writes to it is
answered from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.engine.wire import Message

USER = "sweepfront"
_NAME_TAG = "mlflow.runName"
RUNNING = "RUNNING"
"""MLflow's word for the status of a run that has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run as `SqlAlchemyStore.create_run` would make it, but for its id, which is the engine's.

    Attributes:
        run_id: 32 hexadecimal digits.
        experiment_id: of an experiment that exists.
        start_time: milliseconds since 1970.
        artifact_uri: where its artifacts lie.
        tags: beside the tag with its name, which is added.
    """

    run_id: str
    experiment_id: str
    name: str
    start_time: int
    artifact_uri: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags that MLflow keeps of it."""
        return {**self.tags, _NAME_TAG: self.name}

    def entity(self) -> Message:
        """What MLflow's `get_run` answers as long as nothing was logged to the run."""
        from mlflow.entities import (  # noqa: PLC0415 - heavy
            Run,
            RunData,
            RunInfo,
            RunInputs,
            RunOutputs,
            RunTag,
        )

        info = RunInfo(
            run_id=self.run_id,
            experiment_id=self.experiment_id,
            user_id=USER,
            status=RUNNING,
            start_time=self.start_time,
            end_time=None,
            lifecycle_stage="active",
            artifact_uri=self.artifact_uri,
            run_name=self.name,
        )
        tags = [RunTag(key, value) for key, value in self.all_tags.items()]
        return Run(info, RunData(tags=tags), RunInputs(dataset_inputs=[]), RunOutputs([]))

    def row(self) -> dict[str, object]:
        """The row of MLflow's table of runs, which is that of MLflow 3.17; the run is open."""
        return {
            "run_uuid": self.run_id,
            "name": self.name,
            "experiment_id": self.experiment_id,
            "artifact_uri": self.artifact_uri,
            "source_type": "UNKNOWN",
            "source_name": "",
            "entry_point_name": "",
            "source_version": "",
            "user_id": USER,
            "status": RUNNING,
            "start_time": self.start_time,
            "end_time": None,
            "deleted_time": None,
            "lifecycle_stage": "active",
        }

    def tag_rows(self) -> list[dict[str, str]]:
        """The rows of its tags."""
        return [
            {"run_uuid": self.run_id, "key": key, "value": value}
            for key, value in self.all_tags.items()
        ]


def sets_status(method: str, args: Message, kwargs: Message) -> bool:
    """True for a call that gives a run a status or an end, as MLflow takes up runs and ends them."""
    names = ("run_id", "run_status", "end_time", "run_name")
    named = dict(zip(names, args, strict=False)) | kwargs
    return method == "update_run_info" and not named.get("run_name")
