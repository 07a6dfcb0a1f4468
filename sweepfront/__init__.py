"""The Python client of a Sweepfront service.

from sweepfront import Client

sweep = Client().submit(document).wait()
sweep.trials().to_pandas()
"""

from sweepfront.client import Client
from sweepfront.errors import (
    AnswerError,
    Fault,
    MissingLibraryError,
    ProblemError,
    RefusedError,
    ServiceError,
    SweepfrontError,
    UnavailableError,
    WaitTimeoutError,
)
from sweepfront.forecasts import Preview, Replay
from sweepfront.handle import SweepHandle
from sweepfront.shapes import (
    FINISHED,
    Artifact,
    Backend,
    BestTrial,
    Decision,
    Event,
    Metric,
    Model,
    ModelVersion,
    Sweep,
    Trial,
    TrialCounts,
)
from sweepfront.trials import Trials
from sweepfront.views import View

__all__ = [
    "FINISHED",
    "AnswerError",
    "Artifact",
    "Backend",
    "BestTrial",
    "Client",
    "Decision",
    "Event",
    "Fault",
    "Metric",
    "MissingLibraryError",
    "Model",
    "ModelVersion",
    "Preview",
    "ProblemError",
    "RefusedError",
    "Replay",
    "ServiceError",
    "Sweep",
    "SweepHandle",
    "SweepfrontError",
    "Trial",
    "TrialCounts",
    "Trials",
    "UnavailableError",
    "View",
    "WaitTimeoutError",
]
