"""The usage report as an analyst would ask for it: DuckDB on the days' sums in its own file, one statement a page."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import duckdb

from callfloor.usage.tables import SUMS

_SUMS = ", ".join(f"sum({name})::BIGINT AS {name}" for name in SUMS)
_PAGE = f"""
WITH grouped AS (
    SELECT date_trunc($cadence, day)::DATE AS period, username, {_SUMS}
    FROM usage_day WHERE day BETWEEN $first AND $last GROUP BY period, username
)
SELECT period, username, {", ".join(SUMS)}, (SELECT count(*) FROM grouped)
FROM grouped ORDER BY period, mic_seconds DESC, username LIMIT $take
"""


class Analyst:
    """Has the file open, with as many threads as there are cores."""

    def __init__(self, file: Path) -> None:
        self._connection = duckdb.connect(str(file), read_only=True)

    def page(
        self, first: datetime.date, last: datetime.date, cadence: str, take: int
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Return the first `take` rows by period, seconds of the microphone and name; and how many there are."""
        asked = {"first": first, "last": last, "cadence": cadence, "take": take}
        rows = self._connection.execute(_PAGE, asked).fetchall()
        return [row[:-1] for row in rows], rows[0][-1] if rows else 0

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
