"""What the service's owner decides about the local backend."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.addresses import Reach
from app.engine.limits import MIB

ALLOWED_NETWORKS = "SWEEPFRONT_DOWNLOAD_ALLOWED_NETWORKS"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """The owner's decisions; sizes in bytes, times in seconds.

    Attributes:
        min_free_memory: what must be free for another trial to start; 0: nobody looks.
        trial_memory: what the processes of one trial may hold together; None: no limit.
        max_log_bytes: what is kept of each log of a trial.
        environments: from the name of an environment to a requirements or conda file here.
        environment_timeout: how long an environment may take to be built.
        downloads: documents may name inputs on the web.
        download_reach: which addresses inputs may come from.
        download_proxy: what they are fetched through; empty: nothing.
        max_download_bytes: the longest file that is fetched.
        download_timeout: how long a file may take.
        data: from the beginning of an input's path to a file or folder here.
        log_level: the lowest that the engine writes to its log.
        log_format: of that log; `auto` is JSON, since it is a file.
    """

    min_free_memory: int = 0
    trial_memory: int | None = None
    max_log_bytes: int = 100 * MIB
    environments: Mapping[str, Path] = field(default_factory=dict)
    environment_timeout: float = 1800.0
    downloads: bool = True
    download_reach: Reach = field(default_factory=lambda: Reach((), setting=ALLOWED_NETWORKS))
    download_proxy: str = ""
    max_download_bytes: int = 2048 * MIB
    download_timeout: float = 600.0
    data: Mapping[str, Path] = field(default_factory=dict)
    log_level: str = "info"
    log_format: str = "auto"
