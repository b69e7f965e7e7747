"""How an import is shown, by the API and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from callfloor.conversations.imports.importing import left_seconds
from callfloor.conversations.imports.imports import Import, Refusal
from callfloor.conversations.imports.options import ImportFormat
from callfloor.conversations.imports.tables import ImportState
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.csv_text import csv_text
from callfloor.foundation.web import Shape

REFUSAL_COLUMNS = ("row", "file", "field", "expected")


class ImportLocation(Shape):
    """A place that imports may read."""

    name: str
    kind: Literal["folder", "bucket"]


class ImportLocations(Shape):
    """The places that imports may read."""

    data: list[ImportLocation]


class ImportProgress(Shape):
    """How far it is; `rate` in units a second and `eta_seconds` as measured since it was last begun."""

    unit: Literal["bytes", "files"]
    done: int
    total: int | None
    rate: float | None
    eta_seconds: float | None


class ImportCounts(Shape):
    """What became of the rows; in a dry run, what would."""

    created: int
    existing: int = Field(description="Their calls are there already, by external id or by content.")
    refused: int
    not_answered: int = Field(description="Rows of attempts that nobody answered: no conversations.")
    not_recorded: int = Field(description="Rows of calls that were not recorded.")


class ImportShown(Shape):
    """An import; `rows` is the number of the last row that is done."""

    id: str
    state: ImportState
    reason: str | None
    dry_run: bool
    origin: str
    location: str | None = Field(description="Null where the command line runs it.")
    format: ImportFormat
    timezone: str | None
    rows: int
    counts: ImportCounts
    progress: ImportProgress
    created_at: str
    updated_at: str
    finished_at: str | None


class ImportPage(Shape):
    """A page of imports, newest first."""

    data: list[ImportShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


def shown_import(one: Import) -> ImportShown:
    """Return the import as it is shown."""
    rate, left = left_seconds(one) if one.state is ImportState.RUNNING else (None, None)
    return ImportShown(
        id=one.id,
        state=one.state,
        reason=one.reason,
        dry_run=one.is_dry_run,
        origin=one.origin,
        location=one.location,
        format=one.options.format,
        timezone=one.options.timezone,
        rows=one.row_number,
        counts=ImportCounts(
            created=one.created,
            existing=one.existing,
            refused=one.refused,
            not_answered=one.not_answered,
            not_recorded=one.not_recorded,
        ),
        progress=ImportProgress(
            unit="files" if one.options.format is ImportFormat.FILES else "bytes",
            done=one.done_units,
            total=one.total_units,
            rate=None if rate is None else round(rate, 3),
            eta_seconds=None if left is None else round(left, 1),
        ),
        created_at=iso(one.created_at),
        updated_at=iso(one.updated_at),
        finished_at=iso_or_none(one.finished_at),
    )


def refusal_lines(refusals: Sequence[Refusal] | None) -> str:
    """Return the faults as lines of CSV; the header for None."""
    if refusals is None:
        return csv_text([REFUSAL_COLUMNS])
    return csv_text([(one.row_number, one.file, one.field, one.expected) for one in refusals])
