"""Who may do what: roles, the projects for which they are granted, and callers who have them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

EVERY = "*"
"""Stands for every project, and for sweeps without one."""
Kind = Literal["api-key", "entra", "local", "service"]


class Role(StrEnum):
    """What somebody may do; each includes those before it."""

    READER = "reader"
    """See sweeps, trials, models, events."""
    OPERATOR = "operator"
    """Submit, cancel, resume and retry; webhooks and links for frames."""
    REGISTRAR = "registrar"
    """Register models, delete sweeps, read the audit log."""

    def includes(self, other: "Role") -> bool:
        """True when who has this role may do what the other one may."""
        return _ORDER[self] >= _ORDER[other]


_ORDER = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was recognised.

    Attributes:
        name: as the audit log has it.
        kind: by what they were recognised.
        grants: the role for each project; `*` for all of them and for what belongs to none.
    """

    name: str
    kind: Kind
    grants: Mapping[str, Role] = field(default_factory=dict)

    @property
    def projects(self) -> frozenset[str] | None:
        """The only projects of which they see anything; None: all."""
        return None if EVERY in self.grants else frozenset(self.grants)

    def role_in(self, project: str | None) -> Role | None:
        """The highest role that they have there; None: they see nothing of it."""
        found = [self.grants[key] for key in (EVERY, project or EVERY) if key in self.grants]
        return max(found, key=_ORDER.__getitem__, default=None)

    def sees(self, project: str | None) -> bool:
        """True when what belongs to that project is theirs to see."""
        return self.role_in(project) is not None

    def may(self, role: Role, project: str | None) -> bool:
        """True when they have that role there."""
        found = self.role_in(project)
        return found is not None and found.includes(role)

    def may_somewhere(self, role: Role) -> bool:
        """True when they have that role for some project."""
        return any(found.includes(role) for found in self.grants.values())

    def projects_as(self, role: Role) -> list[str]:
        """The projects for which they have that role, by name; `*` among them means all."""
        return sorted(name for name, found in self.grants.items() if found.includes(role))


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller in one request.

    Attributes:
        source: address that the request came from.
        request_id: as logs and answers have it.
    """

    caller: Caller
    source: str | None = None
    request_id: str | None = None


LOCAL = Caller("local", "local", {EVERY: Role.REGISTRAR})
"""Whoever calls a service that identifies nobody, which listens on loopback only."""
SERVICE = Actor(Caller("service", "service", {EVERY: Role.REGISTRAR}))
"""The service itself: its tracker, its command line."""
