"""What the caller of a transaction may see and change: held against the project of each row."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Select, true
from sqlalchemy.orm import Session

from app.access.callers import Actor, Role
from app.access.permission import hold

ACTOR = "actor"
"""The key in a session's info of the actor for whom it runs."""


def actor_of(session: Session) -> Actor:
    """For whom this transaction runs."""
    actor: Actor = session.info[ACTOR]
    return actor


def seen(session: Session, project: "Column[str]") -> ColumnElement[bool]:
    """True of the rows that the caller may see, by their project."""
    projects = actor_of(session).caller.projects
    return true() if projects is None else project.in_(sorted(projects))


def only_seen(
    session: Session, statement: Select[*tuple[Any, ...]], project: "Column[str]"
) -> Select[*tuple[Any, ...]]:
    """The statement for what the caller may see; itself, made ready before, for who sees all."""
    if actor_of(session).caller.projects is None:
        return statement
    return statement.where(seen(session, project))


def require(session: Session, role: Role, project: str | None) -> None:
    """Pass when the caller has the role in the project.

    Raises:
        ForbiddenError: they have not.
    """
    hold(actor_of(session).caller, role, project)
