"""Many values in one parameter, as JSON: a statement for 500 rows costs little more than one for a single row.

Both databases read JSON, and spell it differently. What is not here: the statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, FromClause, String, bindparam, cast, func, select
from sqlalchemy.types import TypeEngine

from digest.store.engine import Connection


def among(conn: Connection, tested: ColumnElement[int], numbers: Iterable[int]) -> ColumnElement[bool]:
    """Whether `tested` is one of the numbers."""
    each = _table(conn, json.dumps([[number] for number in numbers]), {"number": tested.type})
    return tested.in_(select(each.c.number))


def rows(conn: Connection, columns: Mapping[str, TypeEngine[Any]], values: Iterable[Sequence[Any]]) -> FromClause:
    """A table with these columns and rows, to be selected from or to update from; instants as `instant` makes them."""
    return _table(conn, json.dumps(list(values)), columns)


def instant(value: datetime) -> str:
    """As SQLite keeps an instant; PostgreSQL reads it too."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _table(conn: Connection, packed: str, columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    values = bindparam("packed", packed, type_=String, unique=True)
    if conn.dialect.name == "sqlite":
        each = func.json_each(values).table_valued("value").c.value
        taken = [func.json_extract(each, f"$[{place}]").label(name) for place, name in enumerate(columns)]
    else:
        each = func.json_array_elements(cast(values, JSON)).table_valued("value").c.value
        taken = [cast(each.op("->>")(place), of).label(name) for place, (name, of) in enumerate(columns.items())]
    return select(*taken).subquery("packed")
