"""The states of rows in the words of SQL, which indexes hold and queries must repeat to be answered by them.

In words rather than as parameters: a database plans what it is asked often before it knows the parameters, and would not
see that an index of some states holds all the rows.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, literal_column

from digest.model.delivery import DeliveryState

_D = DeliveryState

WAITING = (_D.PENDING, _D.DEFERRED)
"""In nobody's hands, and to be sent."""
HELD = (_D.CLAIMED, _D.UNCERTAIN)
"""In a sender's hands, or lost with it."""
NOT_REACHED = (_D.DEFERRED, _D.FAILED, _D.UNCERTAIN, _D.SKIPPED)
"""Not simply sent, or on its way to it."""


def in_states(states: tuple[str, ...], column: str = "state") -> str:
    """The condition in SQL, always in the same words."""
    words = ", ".join(f"'{state}'" for state in states)
    return f"{column} IN ({words})"


def is_in(table: Table, states: tuple[str, ...]) -> ColumnElement[bool]:
    """Whether a row of the table is in one of these states."""
    return _condition(in_states(states, f"{table.name}.state"))


def being(table: Table, state: DeliveryState) -> ColumnElement[bool]:
    """Whether a row of the table is in this state."""
    return _condition(f"{table.name}.state = '{state.value}'")


def _condition(words: str) -> ColumnElement[bool]:
    # Not as a boolean column: SQLite has none, and would be asked whether it equals 1, which no index answers.
    return literal_column(words)
