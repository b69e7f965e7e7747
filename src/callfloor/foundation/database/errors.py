"""Driver exceptions become these three; no other file names a driver's exception."""

from __future__ import annotations

import apsw
import psycopg

from callfloor.foundation.errors import Unavailable


class PlanError(Exception):
    """A statement the seam refuses, or parameters that are not the statement's."""


class Clash(Exception):
    """A unique, foreign key or check constraint refused the change; `constraint` is the driver's text."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Busy(Unavailable):
    """Another writer held the lock for too long, or a limit on the statement's time ran out."""


class Gone(Unavailable):
    """The database cannot be reached, or its disk is full."""

    retry_after_seconds = 5


RETRYABLE_ON_POSTGRES = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
"""PostgreSQL rolled the transaction back to break a tie: the verb is repeatable, so it is run again."""
_TIMED_OUT_ON_POSTGRES = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, *RETRYABLE_ON_POSTGRES)


class Translated:
    """Turns what the drivers raise inside into Clash, Busy or Gone; a class, since every read passes through it."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            ours = _translation(error)
            if ours is not None:
                raise ours from error


_TRANSLATED = Translated()


def translated() -> Translated:
    """Return what turns the drivers' exceptions into ours, for a `with`."""
    return _TRANSLATED


def _translation(error: BaseException) -> Exception | None:
    if isinstance(error, apsw.ConstraintError | psycopg.errors.IntegrityError):
        return Clash(str(error))
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return Busy("another process is writing to the database")
    if isinstance(error, apsw.FullError | apsw.IOError | apsw.CantOpenError | apsw.ConnectionClosedError):
        return Gone(f"the database file cannot be used: {error}")
    if isinstance(error, _TIMED_OUT_ON_POSTGRES):
        return Busy("the database did not get to this in time")
    if isinstance(error, psycopg.OperationalError):
        return Gone(f"the database cannot be reached: {error}")
    return None
