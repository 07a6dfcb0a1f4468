"""Values as people read them; whatever returns markup has escaped what it was given."""

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from app.sweep.state import TrialStatus

_TENTHS_BELOW = 10
_KIB = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SHARES = (
    (TrialStatus.COMPLETED, "done"),
    (TrialStatus.EARLY_TERMINATED, "stopped"),
    (TrialStatus.FAILED, "failed"),
    (TrialStatus.CANCELED, "canceled"),
    (TrialStatus.RUNNING, "running"),
)


def words(name: str) -> str:
    """A state as words."""
    return name.replace("_", " ")


def badge(status: str) -> str:
    """A state as a coloured badge."""
    return f'<span class="sf-badge" data-status="{escape(status)}">{escape(words(status))}</span>'


def kind(part: Mapping[str, str] | None) -> str:
    """Which sampling algorithm or early-termination policy a part of a document is."""
    if not part:
        return "none"
    rule = part.get("rule")
    name = words(part["type"])
    return f"{name} ({rule})" if rule and rule != part["type"] else name


def number(value: float | None) -> str:
    """A figure to six places that count."""
    return "" if value is None else f"{value:.6g}"


def scalar(value: object) -> str:
    """A hyperparameter's value."""
    return number(value) if isinstance(value, float) else str(value)


def duration(seconds: float | None) -> str:
    """A time span in its two greatest units."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < _TENTHS_BELOW else f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"
    return f"{seconds // _DAY:.0f} d {seconds % _DAY // _HOUR:.0f} h"


def size(count: int) -> str:
    """Bytes in a fitting unit."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if value < _KIB:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= _KIB
    return f"{value:.1f} GiB"


def age(at: datetime | None) -> str:
    """How long ago that was."""
    if at is None:
        return ""
    return f"{duration(max(0.0, (datetime.now(UTC) - at).total_seconds()))} ago"


def between(start: datetime | None, end: datetime | None) -> str:
    """How long it took, or has taken until now."""
    if start is None:
        return ""
    return duration(max(0.0, ((end or datetime.now(UTC)) - start).total_seconds()))


def counts(found: Mapping[TrialStatus, int]) -> str:
    """How many trials stand where, in words."""
    return ", ".join(f"{found[s]} {words(s.value)}" for s in TrialStatus if found.get(s))


def progress(found: Mapping[TrialStatus, int], expected: int) -> str:
    """A bar with a share for each state of the trials that have begun."""
    whole = max(expected, sum(found.values()), 1)
    ended = sum(n for status, n in found.items() if status.finished)
    shares = "".join(
        f'<i class="sf-{kind}" style="width:{100 * found[status] / whole:.2f}%"></i>'
        for status, kind in _SHARES
        if found.get(status)
    )
    label = escape(f"{ended} of {whole} trials ended: {counts(found) or 'none drawn yet'}")
    return f'<span class="sf-bar-track" role="img" title="{label}" aria-label="{label}">{shares}</span>'
