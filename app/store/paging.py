"""Pages by keyset: a cursor names the last row seen, so rows added meanwhile move nothing."""

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, NoReturn, TypeVar

from sqlalchemy import Column, ColumnElement, Row, Select, and_, or_
from sqlalchemy.orm import Session

from app.sweep.errors import FieldError, InvalidDocumentError

Item = TypeVar("Item")
Key = str | int | float | datetime | None

MAX_INTEGER = 2**31 - 1
"""The greatest number of a trial, version and the like that a database can be asked for."""
_MAX_ID = 2**63 - 1
_MAX_CURSOR = 2000


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows of a list; hand `next_cursor` in to get those after them, None: there are none."""

    items: Sequence[Item]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a list is sorted: by a column, and by another that decides between equal rows.

    Attributes:
        column: where it is null, the row comes last.
        tie: an integer column, unique within the list.
        kind: type of the column's values: str, int, float or datetime.
    """

    column: "Column[Key]"
    tie: "Column[int]"
    kind: type
    descending: bool = False
    tie_descending: bool = False


def page_of(
    session: Session,
    statement: "Select[*tuple[object, ...]]",
    orders: Mapping[str, Order],
    convert: "Callable[[Row[*tuple[object, ...]]], Item]",
    *,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page[Item]:
    """One page of the statement's rows, which must contain the columns of the order.

    Raises:
        InvalidDocumentError: the sort key is unknown, or the cursor is none of this list.
    """
    order = orders.get(sort)
    if order is None:
        _refuse("/sort", f"sort by one of {', '.join(orders)}", sort)
    if cursor is not None:
        statement = statement.where(_beyond(order, *_decode(cursor, sort, order.kind)))
    main = order.column.desc() if order.descending else order.column.asc()
    statement = statement.order_by(
        main.nulls_last() if order.column.nullable else main,
        order.tie.desc() if order.tie_descending else order.tie.asc(),
    )
    rows = session.execute(statement.limit(limit + 1)).all()
    shown = rows[:limit]
    following = None
    if len(rows) > limit and shown:
        last = shown[-1]._mapping  # noqa: SLF001 - the public way to a row's columns by name
        following = _encode(sort, last[order.column], last[order.tie])
    return Page([convert(row) for row in shown], following)


def _beyond(order: Order, value: Key, tie: int) -> ColumnElement[bool]:
    column = order.column
    further = order.tie < tie if order.tie_descending else order.tie > tie
    if value is None:
        return and_(column.is_(None), further)
    past = column < value if order.descending else column > value
    # Said twice so that an index of the column finds where to begin.
    reached = column <= value if order.descending else column >= value
    beyond = and_(reached, or_(past, further))
    return or_(beyond, column.is_(None)) if column.nullable else beyond


def _encode(sort: str, value: Key, tie: int) -> str:
    plain = value.isoformat() if isinstance(value, datetime) else value
    text = json.dumps([sort, plain, tie], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, sort: str, kind: type) -> tuple[Key, int]:
    try:
        return _parse(cursor, sort, kind)
    except (ValueError, TypeError, OverflowError, RecursionError):
        _refuse("/cursor", "take next_cursor of the page before, with the same sort", cursor[:100])


def _parse(cursor: str, sort: str, kind: type) -> tuple[Key, int]:
    if len(cursor) > _MAX_CURSOR:
        raise ValueError("no cursor of ours is as long")
    padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
    of_sort, plain, tie = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    if of_sort != sort or type(tie) is not int or abs(tie) > _MAX_ID:
        raise ValueError("made for another list")
    key = _key(plain, kind)
    if key is not None and type(key) is not kind:
        raise TypeError("a key of another type")
    return key, tie


def _key(plain: str | float | None, kind: type) -> Key:
    if isinstance(plain, str):
        return datetime.fromisoformat(plain).astimezone(UTC) if kind is datetime else plain
    if plain is None or (math.isfinite(plain) and abs(plain) <= _MAX_ID):
        return plain if plain is None or kind is int else float(plain)
    raise ValueError("no such number")


def _refuse(pointer: str, message: str, value: str) -> NoReturn:
    raise InvalidDocumentError([FieldError(pointer=pointer, message=message, value=value)])
