"""Calls added up once more, by DuckDB, from nothing but the lines of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tests.support.fleet import FEATURES, Row

_READ = """
CREATE OR REPLACE TABLE revision AS
SELECT hostname, username, unnest(call) FROM read_json(?, format = 'newline_delimited', columns = {
  hostname: 'VARCHAR', username: 'VARCHAR', call: 'STRUCT(call_id VARCHAR, revision BIGINT, language VARCHAR,
  started_at VARCHAR, mic_seconds BIGINT, speaker_seconds BIGINT, features STRUCT(FEATURES))'})
""".replace("FEATURES", ", ".join(f"{name} BIGINT" for name in FEATURES))
_NEWEST = """
CREATE OR REPLACE TABLE newest AS
SELECT *, CAST(substr(started_at, 1, 10) AS DATE) AS day, unnest(features) FROM revision
QUALIFY row_number() OVER (PARTITION BY hostname, call_id ORDER BY revision DESC) = 1
"""
_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in ("mic_seconds", "speaker_seconds", *FEATURES))
_ROWS = f"""
WITH grouped AS (
  SELECT 'username' AS kind, username AS name, * FROM newest
  UNION ALL SELECT 'device', hostname, * FROM newest
  UNION ALL SELECT 'language', language, * FROM newest WHERE language IS NOT NULL
), period AS (SELECT unnest(['day', 'week', 'month']) AS part, unnest(['daily', 'weekly', 'monthly']) AS cadence)
SELECT kind, cadence, CAST(CAST(date_trunc(part, day) AS DATE) AS VARCHAR), name, count(*), {_SUMS}
FROM grouped, period GROUP BY ALL
"""  # noqa: S608  # names of our own columns


class Recount(NamedTuple):
    """The whole report, and of how many calls and revisions it was made."""

    rows: set[Row]
    calls: int
    revisions: int
    first_day: str
    last_day: str


def recounted(lines: Path) -> Recount:
    """Add up the newest revision of each call of the file."""
    with duckdb.connect() as db:
        db.execute(_READ, [str(lines)])
        db.execute(_NEWEST)
        rows = {(kind, cadence, start, name, tuple(sums)) for kind, cadence, start, name, *sums in _all(db, _ROWS)}
        calls, first, last = _all(
            db, "SELECT count(*), CAST(min(day) AS VARCHAR), CAST(max(day) AS VARCHAR) FROM newest"
        )[0]
        revisions = _all(db, "SELECT count(*) FROM revision")[0][0]
    return Recount(rows, calls, revisions, first, last)


def _all(db: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = db.execute(statement).fetchall()
    return rows
