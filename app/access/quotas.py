"""How much of the service a project may use."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.sweep.errors import SweepfrontError

DAY_SECONDS = 24 * 3600
_SOON_SECONDS = 60.0

Most = Annotated[int | None, Field(ge=0, le=10_000_000)]


class Quota(BaseModel):
    """The most that a project may use; None: any number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    active_sweeps: Most = None
    """Sweeps that have not ended."""
    trials_per_day: Most = None
    """Trials of the sweeps that were submitted within 24 hours, planned ones included."""
    concurrent_trials: Most = None
    """The sum of max_concurrent_trials of the sweeps that have not ended."""


Quotas = Mapping[str, Quota]
"""By project; `*` for projects that are not named, and for sweeps without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is used: by a project now, or by one sweep alone.

    Attributes:
        active_sweeps: that have not ended.
        trials_per_day: of sweeps submitted within 24 hours.
        concurrent_trials: that may run at once.
    """

    active_sweeps: int
    trials_per_day: int
    concurrent_trials: int


class QuotaExceededError(SweepfrontError):
    """The project has used up what it may.

    Attributes:
        retry_after: seconds until asking again may help.
        facts: what is used, what was asked for, and what the quota is.
    """

    code = "quota-exceeded"

    def __init__(self, message: str, *, retry_after: float, facts: dict[str, object]) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.facts = facts


def quota_of(quotas: Quotas, project: str | None) -> Quota | None:
    """The quota of a project; None: it has none."""
    return quotas.get(project or "*", quotas.get("*"))


def hold_to(
    quota: Quota, project: str | None, used: Usage, wanted: Usage, *, oldest_age: float
) -> None:
    """Pass when a project may use so much more.

    Args:
        quota: of the project.
        project: its name, for the message.
        used: what it uses now.
        wanted: what it would use besides.
        oldest_age: seconds since the oldest submission that counts for the day.

    Raises:
        QuotaExceededError: it may not.
    """
    most, now, more = quota.model_dump(), asdict(used), asdict(wanted)
    for name, limit in most.items():
        if limit is None or not more[name] or now[name] + more[name] <= limit:
            continue
        whose = f"The project {project!r}" if project else "What belongs to no project"
        words = name.replace("_", " ")
        daily = name == "trials_per_day"
        raise QuotaExceededError(
            f"{whose} may have {limit} {words}; {now[name]} are in use and this takes "
            f"{more[name]} more. "
            + (
                "Ask for fewer trials, or wait until earlier sweeps are a day old."
                if daily
                else "Wait until sweeps end, cancel some, or ask for less."
            ),
            retry_after=max(1.0, DAY_SECONDS - oldest_age) if daily else _SOON_SECONDS,
            facts={"quota": name, "limit": limit, "used": now[name], "wanted": more[name]},
        )
