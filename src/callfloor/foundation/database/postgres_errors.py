"""What psycopg raises, as the seam says it; whoever imports this has it translated."""

from __future__ import annotations

import psycopg

from callfloor.foundation.database.errors import Busy, Clash, Gone, translate_too

RETRYABLE_ON_POSTGRES = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
"""PostgreSQL rolled the transaction back to break a tie: the verb is repeatable, so it is run again."""
_TIMED_OUT = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, *RETRYABLE_ON_POSTGRES)


def _of_postgres(error: BaseException) -> Exception | None:
    if isinstance(error, psycopg.errors.IntegrityError):
        return Clash(str(error))
    if isinstance(error, _TIMED_OUT):
        return Busy("the database did not get to this in time")
    if isinstance(error, psycopg.OperationalError):
        return Gone(f"the database cannot be reached: {error}")
    return None


translate_too(_of_postgres)
