"""The one seam to SQLite and PostgreSQL: sync verbs on a Tx, committed here and nowhere else."""

from callfloor.foundation.database.database import Database, open_database
from callfloor.foundation.database.errors import Busy, Clash, Gone
from callfloor.foundation.database.expressions import any_of, param, pattern_of, upsert
from callfloor.foundation.database.plan import Params
from callfloor.foundation.database.tx import Tx
from callfloor.foundation.database.types import Instant, Json, RawJson, metadata

__all__ = [
    "Busy",
    "Clash",
    "Database",
    "Gone",
    "Instant",
    "Json",
    "Params",
    "RawJson",
    "Tx",
    "any_of",
    "metadata",
    "open_database",
    "param",
    "pattern_of",
    "upsert",
]
