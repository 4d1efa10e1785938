"""What a database's errors mean to people: the one place where a driver's words become ours."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from runtime.errors import CanevasError, ConflictError, NotFoundError, OperatorError

_LOCKED = "Another program holds the database locked", "End that program or wait until it is done, then try again."
_FULL = "The disk of the database is full", "Free some space; nothing was half written."
_LOST = "The database does not answer", "See whether it runs and can be reached, then try again."
_BUSY = (
    "The database has no connection left for this",
    "Try again in a moment; look what keeps it busy.",
)
_REFUSED = "The database does not let Canevas in", "Check user, password and database name in CANEVAS_DATABASE_URL."
_READ_ONLY = "The database cannot be written to", "Give the user that runs Canevas the right to write there."
_UNOPENED = (
    "The database file cannot be opened",
    "Check that Canevas may read and write there.",
)
_BROKEN = "The database file is damaged or is no database", "Put a backup in its place, or move it away to start anew."
_DISK = "The disk of the database reports an error", "Check the disk and the system's log; nothing was half written."

_TAKEN = ConflictError, ("Such an entry exists already", "Choose another name, or load the page anew.")
_GONE = NotFoundError, ("What this refers to is not there", "Load the page anew; somebody may have deleted it.")

# The low byte of an SQLite result code says its class (sqlite.org/rescode.html).
_SQLITE = {
    3: _READ_ONLY,
    5: _LOCKED,
    6: _LOCKED,
    8: _READ_ONLY,
    10: _DISK,
    11: _BROKEN,
    13: _FULL,
    14: _UNOPENED,
    26: _BROKEN,
}
_SQLITE_CONSTRAINTS = {787: _GONE, 1555: _TAKEN, 2067: _TAKEN}
# An SQLSTATE as a whole, or its first two characters (postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRES = {
    "08": _LOST,
    "25006": _READ_ONLY,
    "28": _REFUSED,
    "3D": _REFUSED,
    "40": _LOCKED,
    "53": _BUSY,
    "53100": _FULL,
    "55P03": _LOCKED,
    "57P": _LOST,
    "58": _DISK,
    "XX": _BROKEN,
}
_POSTGRES_CONSTRAINTS = {"23503": _GONE, "23505": _TAKEN}


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Around everything that talks to the database; `where` names it without its password.

    Raises: OperatorError when someone must see to the database, ConflictError when a unique entry exists,
    NotFoundError when a row refers to nothing. Errors that can only be ours pass as they are.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error, NoFreeConnection, OSError) as error:
        meant = _meaning(error, where)
        if meant is None:
            raise
        raise meant from error


def _meaning(error: Exception, where: str) -> CanevasError | None:
    if isinstance(error, NoFreeConnection):
        return OperatorError(_BUSY[0], where, _BUSY[1])
    if isinstance(error, OSError):
        return OperatorError(_LOST[0], where, _LOST[1])
    drivers = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(drivers, "sqlite_errorcode", None)
    state = getattr(drivers, "sqlstate", None) or ""
    constraint = _POSTGRES_CONSTRAINTS.get(state) if code is None else _SQLITE_CONSTRAINTS.get(code)
    if constraint is not None:
        cls, (what, mend) = constraint
        return cls(what, "", mend)
    said = _POSTGRES.get(state) or _POSTGRES.get(state[:3]) or _POSTGRES.get(state[:2])
    if code is not None:
        said = _SQLITE.get(code & 0xFF)
    if said is None and isinstance(error, DBAPIError) and error.connection_invalidated:
        said = _LOST
    return None if said is None else OperatorError(said[0], where, said[1])
