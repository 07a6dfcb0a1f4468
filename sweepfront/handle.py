"""A sweep in hand: what was last read of it, and everything that can be asked about it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from sweepfront.forecasts import Replay
from sweepfront.shapes import BestTrial, Event, ModelVersion, Sweep, Trial
from sweepfront.streams import follow as follow_events
from sweepfront.tables import sweep_table
from sweepfront.trial_calls import TrialCalls
from sweepfront.trials import Trials
from sweepfront.views import View
from sweepfront.waiting import until_finished


class SweepHandle(TrialCalls):
    """A sweep of a service.

    `sweep`, `status` and `best` are as they were when the sweep was last read: by `refresh`,
    `wait`, `trials`, `cancel` or `resume`. Every call may raise a `SweepfrontError`: `RefusedError` when the
    service does not take it, `UnavailableError` when nobody answers.
    """

    @property
    def sweep(self) -> Sweep:
        """All that was last read of it."""
        return self._sweep

    @property
    def status(self) -> str:
        """Where it stood when it was last read."""
        return self._sweep.status

    @property
    def best(self) -> BestTrial | None:
        """The best completed trial when it was last read; None while there is none."""
        return self._sweep.best_trial

    @property
    def dashboard_url(self) -> str:
        """Address of its page."""
        return f"{self._connection.url}/dashboard/sweeps/{self.name}"

    def refresh(self) -> Self:
        """Read it anew."""
        self._sweep = self._connection.get(Sweep, self._path())
        return self

    def wait(self, *, progress: bool = True, timeout: float | None = None) -> Self:
        """Wait until it has ended, however it ended: `status` tells whether it completed.

        A service that is away, because it is started anew, is waited for, too.

        Args:
            progress: show a bar on a terminal and, where ipywidgets is installed, in a notebook;
                elsewhere a line for each change.
            timeout: seconds; None waits for as long as it takes.

        Raises:
            WaitTimeoutError: it has not ended in time; it goes on.
            UnavailableError: the service stays away for a minute.
        """
        with contextlib.ExitStack() as stack:
            show = None
            if progress:
                from sweepfront.progress import shown  # noqa: PLC0415 - rich, where it is used

                show = stack.enter_context(shown())

            def look() -> Sweep:
                return self.refresh().sweep

            until_finished(self.name, look, show or (lambda _: None), timeout)
        return self

    def cancel(self) -> Self:
        """Have it end: running trials are stopped, what they logged stays."""
        return self._asked("cancel", {})

    def resume(self, **limits: int) -> Self:
        """Let a finished sweep go on, within raised limits if any are given.

        Args:
            limits: max_total_trials, max_concurrent_trials, timeout, trial_timeout.
        """
        return self._asked("resume", {"limits": limits} if limits else {})

    def delete(self, *, purge: bool = False) -> None:
        """Archive a finished sweep, or remove its records and artifacts for good."""
        params = {"purge": purge}
        self._connection.call("DELETE", self._path(), repeat=False, params=params)

    def register(
        self,
        *,
        model_name: str | None = None,
        trial: int | None = None,
        artifact_path: str | None = None,
        type: str | None = None,  # noqa: A002 - the API's name
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        gate: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Make a trial's model the next version of a model.

        A trial that is a version of that model already is not registered again.

        Args:
            model_name: by default `final_model`.
            trial: a completed one; by default the best.
            artifact_path: by default `outputs/model.pkl`.
            type: custom_model (the default), mlflow_model or triton_model.
            description: of the version.
            tags: of the version.
            gate: what must hold, `{"min_improvement": 0.1, "guards": [{"metric": ..., "max": ...}]}`.

        Raises:
            RefusedError: nothing to register, or the gate refuses; `facts` has its figures.
        """
        wanted = {
            "model_name": model_name,
            "trial": trial,
            "artifact_path": artifact_path,
            "type": type,
            "description": description,
            "tags": tags,
            "gate": gate,
        }
        body = {key: value for key, value in wanted.items() if value is not None}
        return self._connection.post(ModelVersion, self._path("register"), json=body)

    def replay(self, policy: Mapping[str, Any]) -> Replay:
        """What another early-termination policy would have done to its reports."""
        body = {"early_termination": policy}
        return self._connection.post(Replay, self._path("replay"), repeat=True, json=body)

    def trials(self, *, status: str | None = None, sort: str = "number") -> Trials:
        """Its trials; the sweep is read anew as well.

        Args:
            status: only those that stand so.
            sort: number, objective, -objective or started_at.
        """
        params = {"status": status, "sort": sort}
        return Trials(
            self.refresh().sweep, self._connection.items(Trial, self._path("trials"), params)
        )

    def view(self, kind: str, **options: str | int) -> View:
        """Data for a chart.

        Args:
            kind: history, parallel-coordinates, learning-curves, importance, slice or timeline.
            options: `after` asks only for what has changed since; `metric` and `points` are of
                learning-curves, `parameter` is of slice.
        """
        return self._connection.get(View, self._path("views", kind), params=options)

    def events(
        self, *, after: int = 0, follow: bool = False, types: Sequence[str] = ()
    ) -> Iterator[Event]:
        """What happened to it, the oldest first.

        Args:
            after: only events with a higher id.
            follow: go on with each event as it happens, without end, connected again when that
                breaks off.
            types: of the events that are wanted, such as `sweep.status`; empty: all.
        """
        path = self._path("events")
        if follow:
            return follow_events(self._connection, path, after, types)
        params = {"after": after, "types": types}
        return self._connection.items(Event, path, params, cursor="after")

    def __repr__(self) -> str:
        sweep = self._sweep
        return f"<sweep {sweep.name} {sweep.status}: {sweep.progress}; {sweep.standing}>"

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        return sweep_table(self._sweep)

    def _asked(self, verb: str, body: Mapping[str, object]) -> Self:
        self._sweep = self._connection.post(Sweep, self._path(verb), json=body)
        return self
