"""Driver exceptions become these three; no other file names a driver's exception."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import apsw
import psycopg

from callfloor.foundation.errors import Unavailable


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


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the drivers raise inside into Clash, Busy or Gone."""
    try:
        yield
    except apsw.ConstraintError as error:
        raise Clash(str(error)) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise Busy("another process is writing to the database") from error
    except (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ConnectionClosedError) as error:
        raise Gone(f"the database file cannot be used: {error}") from error
    except psycopg.errors.IntegrityError as error:
        raise Clash(str(error)) from error
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, *RETRYABLE_ON_POSTGRES) as error:
        raise Busy("the database did not get to this in time") from error
    except psycopg.OperationalError as error:
        raise Gone(f"the database cannot be reached: {error}") from error
