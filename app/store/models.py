"""Registered model versions: numbered per model, one per trial, with their lineage."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.access.callers import Role
from app.store import audit, events, last_words
from app.store.database import Database
from app.store.events import NewEvent
from app.store.paging import MAX_INTEGER, Order, Page, page_of
from app.store.rights import require, seen
from app.store.tables import MODEL_VERSIONS
from app.store.values import AnyRow, figures, numbers
from app.sweep.errors import NotFoundError
from app.sweep.record import ModelVersion

_C = MODEL_VERSIONS.c
_FIELDS = tuple(field.name for field in fields(ModelVersion))
_VERSION_ORDERS = {
    "-version": Order(
        column=_C.version, tie=_C.version, kind=int, descending=True, tie_descending=True
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A model with the number of its versions and its newest one."""

    name: str
    versions: int
    latest: ModelVersion


def add(db: Database, version: ModelVersion) -> tuple[ModelVersion, bool]:
    """Write a version down under the next number of its model.

    Args:
        db: the database.
        version: its own `version` is passed over.

    Returns:
        The version as written, and True; or the one that this trial got before, and False.
    """
    try:
        with db.write() as session:
            last_words.in_commit_order(session)
            require(session, Role.REGISTRAR, version.project)
            found = _of_trial(session, version.model_name, version.sweep, version.trial)
            return (found, False) if found else (_insert(session, version), True)
    except IntegrityError:
        found = find(db, version.model_name, version.sweep, version.trial)
        if found is None:
            raise
        return found, False


def find(db: Database, model: str, sweep: str, trial: int) -> ModelVersion | None:
    """The version of that model that this trial became, if it did."""
    with db.read() as session:
        return _of_trial(session, model, sweep, trial)


def of_trial(db: Database, sweep: str, trial: int) -> list[ModelVersion]:
    """The versions that this trial became, of all models, by model."""
    statement = select(MODEL_VERSIONS).where(_C.sweep == sweep, _C.trial == trial)
    with db.read() as session:
        statement = statement.where(seen(session, _C.project))
        rows = session.execute(statement.order_by(_C.model_name)).all()
    return [_version_of(row) for row in rows]


def get(db: Database, model: str, version: int) -> ModelVersion:
    """One version.

    Raises:
        NotFoundError: there is none of that model and number.
    """
    with db.read() as session:
        statement = select(MODEL_VERSIONS).where(
            _C.model_name == model, _C.version == version, seen(session, _C.project)
        )
        row = session.execute(statement).one_or_none() if 0 < version <= MAX_INTEGER else None
    if row is None:
        raise NotFoundError(f"The model {model!r} has no version {version}.")
    return _version_of(row)


def latest(db: Database, model: str) -> ModelVersion | None:
    """The newest version of a model that the caller may see, if there is one."""
    with db.read() as session:
        statement = select(MODEL_VERSIONS).where(_C.model_name == model, seen(session, _C.project))
        row = session.execute(statement.order_by(_C.version.desc()).limit(1)).one_or_none()
    return None if row is None else _version_of(row)


def page_models(db: Database, *, limit: int, cursor: str | None = None) -> Page[ModelSummary]:
    """The models by name, each with those of its versions that the caller may see."""
    orders = {"name": Order(column=_C.model_name, tie=_C.version, kind=str)}
    with db.read() as session:
        newest = (
            select(
                _C.model_name.label("model"),
                func.max(_C.version).label("newest"),
                func.count().label("versions"),
            )
            .where(seen(session, _C.project))
            .group_by(_C.model_name)
            .subquery()
        )
        statement = select(MODEL_VERSIONS, newest.c.versions).join(
            newest, (newest.c.model == _C.model_name) & (newest.c.newest == _C.version)
        )
        return page_of(
            session, statement, orders, _summary_of, sort="name", limit=limit, cursor=cursor
        )


def page_versions(
    db: Database, model: str, *, limit: int, cursor: str | None = None
) -> Page[ModelVersion]:
    """The versions of a model, newest first.

    Raises:
        NotFoundError: there is no such model.
    """
    with db.read() as session:
        statement = select(MODEL_VERSIONS).where(_C.model_name == model, seen(session, _C.project))
        page = page_of(
            session,
            statement,
            _VERSION_ORDERS,
            _version_of,
            sort="-version",
            limit=limit,
            cursor=cursor,
        )
    if not page.items and cursor is None:
        raise NotFoundError(f"There is no model named {model!r}.")
    return page


def _of_trial(session: Session, model: str, sweep: str, trial: int) -> ModelVersion | None:
    row = session.execute(
        select(MODEL_VERSIONS).where(_C.model_name == model, _C.sweep == sweep, _C.trial == trial)
    ).one_or_none()
    return None if row is None else _version_of(row)


def _insert(session: Session, version: ModelVersion) -> ModelVersion:
    statement = select(func.max(_C.version)).where(_C.model_name == version.model_name)
    number = (session.execute(statement).scalar_one() or 0) + 1
    values: dict[str, object] = {name: getattr(version, name) for name in _FIELDS}
    values |= {"version": number, "metrics": figures(version.metrics)}
    row = session.execute(
        insert(MODEL_VERSIONS).values(**_plain(values)).returning(*MODEL_VERSIONS.c)
    ).one()
    data = {
        "model_name": version.model_name,
        "version": number,
        "trial": version.trial,
        "value": version.value,
    }
    audit.note(
        session,
        "model.register",
        f"{version.model_name}/{number}",
        project=version.project,
        details={"sweep": version.sweep, "trial": version.trial},
    )
    news = [NewEvent("model.registered", version.sweep, data)]
    events.append(session, news, project=version.project)
    return _version_of(row)


def _plain(values: dict[str, object]) -> dict[str, object]:
    return {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()
    }


def _summary_of(row: AnyRow) -> ModelSummary:
    return ModelSummary(name=row.model_name, versions=row.versions, latest=_version_of(row))


def _version_of(row: AnyRow) -> ModelVersion:
    values = {name: getattr(row, name) for name in _FIELDS}
    return ModelVersion(**{**values, "metrics": numbers(row.metrics)})
