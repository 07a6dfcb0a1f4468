"""What a trial sees of the machine and how much of it it may take."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

MIB = 1024 * 1024

_INHERITED = re.compile(
    r"(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV"
    r"|PYTHONDONTWRITEBYTECODE|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CUDA_\w+|NVIDIA_\w+"
    r"|(?i:https?|ftp|all|no)_(?i:proxy))\Z"
)
_OF_PYTHON = re.compile(r"PYTHON\w+\Z")
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""The variables from which numerical libraries take their number of threads; the first one counts
for the others, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLimits:
    """What the engine holds every trial to.

    Attributes:
        memory: bytes that a trial's processes may hold together; None: as much as there is.
        log_bytes: bytes that are kept of each of its two logs.
    """

    memory: int | None = None
    log_bytes: int = 100 * MIB


def in_words_of_settings(
    *, slots: int, grace: float, min_free_memory: int, limits: TrialLimits
) -> dict[str, float | None]:
    """What an engine is started with, by the names of the service's settings."""
    return {
        "SWEEPFRONT_LOCAL_SLOTS": slots,
        "SWEEPFRONT_TERMINATION_GRACE": grace,
        "SWEEPFRONT_MIN_FREE_MEMORY": min_free_memory // MIB,
        "SWEEPFRONT_MAX_LOG_BYTES": limits.log_bytes,
        "SWEEPFRONT_TRIAL_MEMORY": limits.memory,
    }


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What a trial sees of the service's environment: a list of what is harmless, no secrets."""
    return {name: value for name, value in environment.items() if _INHERITED.match(name)}


def of_the_engine(environment: Mapping[str, str]) -> dict[str, str]:
    """What the engine and the fork parent see of it: the same, and what their Python needs.

    Any process of a user can read the environment of the others in /proc, so secrets do not get
    as far as these.
    """
    python = {name: value for name, value in environment.items() if _OF_PYTHON.match(name)}
    return inherited(environment) | python


def threads_per_trial(slots: int) -> int:
    """The cores divided by the slots, at least one."""
    return max(1, len(os.sched_getaffinity(0)) // slots)


def thread_variables(given: Mapping[str, str], default: int) -> dict[str, str]:
    """The variables that limit a trial's threads.

    Args:
        given: the document's own variables, which count.
        default: threads where they say nothing.
    """
    number = given.get(THREADS[0], str(default))
    return {name: given.get(name, number) for name in THREADS}
