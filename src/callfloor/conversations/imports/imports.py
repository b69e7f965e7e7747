"""Imports as rows: begun, stopped, resumed, ended, and looked at."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
from sqlalchemy import Integer, delete, insert, select, update

from callfloor.access import audit
from callfloor.conversations.imports.options import Options
from callfloor.conversations.imports.tables import ImportState, conversation_import, import_key, import_refusal
from callfloor.conversations.incoming import ABANDONED_AFTER, announce_file, settle_file
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.jobs import BACKGROUND_PRIORITY, Enqueue, enqueue

RUN_IMPORT = "run_import"
QUEUE = "imports"

_c, _r, _k = conversation_import.c, import_refusal.c, import_key.c
_this = (_c.team_id == param("key_team_id"), _c.id == param("key_id"))
_SHOWN = (
    *(_c.team_id, _c.id, _c.state, _c.reason, _c.is_dry_run, _c.origin, _c.location, _c.csv_key, _c.options, _c.actor),
    *(_c.maker_account_id, _c.run, _c.row_number, _c.position, _c.done_units, _c.total_units),
    *(_c.created, _c.existing, _c.refused, _c.not_answered, _c.not_recorded),
    *(_c.run_began_at, _c.run_began_units, _c.created_at, _c.updated_at, _c.finished_at),
)
_add = insert(conversation_import)
_by_id = select(*_SHOWN).where(*_this)
_locked = _by_id.with_for_update()
_newest = (
    select(*_SHOWN)
    .where(_c.team_id == param("key_team_id"), _c.id < param("below"))
    .order_by(_c.id.desc())
    .limit(param("take", Integer))
)
_begin = (
    update(conversation_import)
    .where(*_this)
    .values(
        state=ImportState.RUNNING.value,
        total_units=param("total"),
        run_began_at=param("now"),
        run_began_units=param("done"),
        updated_at=param("now"),
    )
)
_move = (
    update(conversation_import)
    .where(*_this)
    .values(
        state=param("new_state"),
        reason=param("new_reason"),
        run=param("new_run", Integer),
        csv_key=param("new_csv_key"),
        position=param("new_position"),
        updated_at=param("now"),
        finished_at=param("ended_at"),
    )
)
_refusals = (
    select(_r.row_number, _r.position, _r.file, _r.field, _r.expected)
    .where(
        _r.team_id == param("key_team_id"),
        _r.import_id == param("key_id"),
        _r.row_number > param("after"),
        _r.row_number <= param("up_to"),
    )
    .order_by(_r.row_number, _r.position)
)
_last_of_page = (
    select(_r.row_number)
    .where(_r.team_id == param("key_team_id"), _r.import_id == param("key_id"), _r.row_number > param("after"))
    .order_by(_r.row_number)
    .limit(1)
    .offset(param("take", Integer))
)
_forget_keys = delete(import_key).where(_k.team_id == param("key_team_id"), _k.import_id == param("key_id"))

_COUNTS = (
    *("run", "row_number", "done_units", "run_began_units"),
    *("created", "existing", "refused", "not_answered", "not_recorded"),
)
NEWEST = "\U0010ffff"
"""Above every id: a list begins below it."""
_ENDS = frozenset({ImportState.DONE, ImportState.FAILED})
LAST_ROW = 2**62


class ImportNotFound(DomainError):
    """The team has no such import."""

    code = "import_not_found"
    status = 404


class ImportOver(DomainError):
    """The import is not in a state for this."""

    code = "import_over"


class RunOver(Exception):
    """The import was stopped or resumed elsewhere: who worked for it works no more."""


@dataclasses.dataclass(frozen=True, slots=True)
class Import:
    """One import as it is kept; see `tables`."""

    team_id: int
    id: str
    state: ImportState
    reason: str | None
    is_dry_run: bool
    origin: str
    location: str | None
    csv_key: str | None
    options: Options
    actor: audit.Actor
    maker_account_id: int | None
    run: int
    row_number: int
    position: str | None
    done_units: int
    total_units: int | None
    created: int
    existing: int
    refused: int
    not_answered: int
    not_recorded: int
    run_began_at: Millis | None
    run_began_units: int
    created_at: Millis
    updated_at: Millis
    finished_at: Millis | None

    @property
    def is_of_command_line(self) -> bool:
        """Return whether the command line runs it, from a place that it alone may read."""
        return self.location is None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewImport:
    """What is to be imported."""

    team_id: int
    id: str
    options: Options
    origin: str
    actor: audit.Actor
    now: Millis
    is_dry_run: bool = False
    location: str | None = None
    csv_key: str | None = None
    maker_account_id: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """One fault of one row."""

    row_number: int
    position: int
    file: str | None
    field: str
    expected: str


_NAMES = tuple(field.name for field in dataclasses.fields(Import))


def begin_import(tx: Tx, new: NewImport) -> Import:
    """Write the import down; one from an allowed location gets its job, the command line runs its own.

    Raises:
        FileSwept: its table lay unclaimed for more than a day.
    """
    row = {
        **{column.name: None for column in conversation_import.c},
        **dict.fromkeys(_COUNTS, 0),
        "team_id": new.team_id,
        "id": new.id,
        "state": ImportState.QUEUED.value,
        "is_dry_run": new.is_dry_run,
        "origin": new.origin,
        "location": new.location,
        "csv_key": new.csv_key,
        "options": msgspec.to_builtins(new.options),
        "actor": dataclasses.asdict(new.actor),
        "maker_account_id": new.maker_account_id,
        "created_at": new.now,
        "updated_at": new.now,
    }
    if new.csv_key is not None:
        settle_file(tx, new.team_id, new.id)
    tx.run(_add, row)
    made = import_by_id(tx, new.team_id, new.id)
    _note(tx, made, "begun", new.actor, now=new.now)
    _order(tx, made, now=new.now)
    return made


def import_by_id(tx: Tx, team_id: int, import_id: str) -> Import:
    """Return the import.

    Raises:
        ImportNotFound: there is none.
    """
    return _import_of(tx.one(_by_id, {"key_team_id": team_id, "key_id": import_id}))


def imports_below(tx: Tx, team_id: int, *, below: str, take: int) -> list[Import]:
    """Return the team's imports, newest first, those whose id is less than `below`."""
    rows = tx.all(_newest, {"key_team_id": team_id, "below": below, "take": take})
    return [_import_of(row) for row in rows]


def locked_import(tx: Tx, team_id: int, import_id: str) -> Import:
    """Return the import, for this transaction alone to change. Raises as `import_by_id`."""
    return _import_of(tx.one(_locked, {"key_team_id": team_id, "key_id": import_id}))


def begin_run(tx: Tx, team_id: int, import_id: str, *, run: int, total: int, now: Millis) -> Import:
    """Note that somebody works on the import from now on.

    Raises:
        RunOver: it was stopped, resumed or ended since.
    """
    found = locked_import(tx, team_id, import_id)
    if found.run != run or found.state not in {ImportState.QUEUED, ImportState.RUNNING}:
        raise RunOver
    own = {"key_team_id": team_id, "key_id": import_id}
    tx.run(_begin, {**own, "total": total, "done": found.done_units, "now": now})
    return import_by_id(tx, team_id, import_id)


def end_import(tx: Tx, team_id: int, import_id: str, *, run: int, now: Millis, reason: str | None = None) -> None:
    """End the import, as failed where there is a reason; one that was stopped or resumed since is left alone."""
    found = locked_import(tx, team_id, import_id)
    if found.run != run or found.state not in {ImportState.QUEUED, ImportState.RUNNING}:
        return
    if reason is None:
        _change(tx, found, ImportState.DONE, now=now, csv_key=None)
        tx.run(_forget_keys, {"key_team_id": team_id, "key_id": import_id})
        if found.csv_key is not None:  # to the sweep, which removes files that nobody has
            announce_file(tx, team_id, import_id, found.csv_key, now=now - ABANDONED_AFTER)
    else:
        _change(tx, found, ImportState.FAILED, now=now, csv_key=found.csv_key, reason=reason)
    _note(tx, found, "failed" if reason else "done", audit.SYSTEM, now=now)


def stop_import(tx: Tx, team_id: int, import_id: str, *, actor: audit.Actor, now: Millis) -> Import:
    """Stop the import behind the batch under way; what it created stays.

    Raises:
        ImportNotFound: there is none.
        ImportOver: it has ended.
    """
    found = locked_import(tx, team_id, import_id)
    if found.state is ImportState.STOPPED:
        return found
    if found.state in _ENDS:
        raise ImportOver(f"the import is {found.state.value} already")
    _change(tx, found, ImportState.STOPPED, now=now, csv_key=found.csv_key)
    _note(tx, found, "stopped", actor, now=now)
    return import_by_id(tx, team_id, import_id)


def resume_import(
    tx: Tx, team_id: int, import_id: str, *, actor: audit.Actor, now: Millis, by_command: bool = False
) -> Import:
    """Go on behind the last committed row.

    Args:
        by_command: the command line goes on, also with one whose process was killed and that seems to run.

    Raises:
        ImportNotFound: there is none.
        ImportOver: it is done, or the command line began it and is not the one that asks.
    """
    found = locked_import(tx, team_id, import_id)
    if found.state is ImportState.DONE:
        raise ImportOver("the import is done already")
    if found.is_of_command_line != by_command:
        where = "the command line" if found.is_of_command_line else "the API"
        raise ImportOver(f"{where} began this import, and resumes it")
    if not by_command and found.state in {ImportState.QUEUED, ImportState.RUNNING}:
        return found
    _change(tx, found, ImportState.QUEUED, now=now, run=found.run + 1, csv_key=found.csv_key)
    resumed = import_by_id(tx, team_id, import_id)
    _note(tx, resumed, "resumed", actor, now=now)
    _order(tx, resumed, now=now)
    return resumed


def refusals_after(tx: Tx, team_id: int, import_id: str, *, after: int, take: int) -> tuple[list[Refusal], int | None]:
    """Return the faults of refused rows behind the row `after`, about `take` of them, never half a row.

    Returns:
        the faults, and the row to go on behind, None at the end.
    """
    own = {"key_team_id": team_id, "key_id": import_id, "after": after}
    last = tx.one(_last_of_page, {**own, "take": take})
    rows = tx.all(_refusals, {**own, "up_to": LAST_ROW if last is None else last[0]})
    return [Refusal(*row) for row in rows], None if last is None else last[0]


def _order(tx: Tx, made: Import, *, now: Millis) -> None:
    if made.is_of_command_line:
        return
    order = Enqueue(
        kind=RUN_IMPORT,
        args={"import_id": made.id, "run": made.run},
        team_id=made.team_id,
        now=now,
        queue=QUEUE,
        priority=BACKGROUND_PRIORITY,
        unique_key=f"{made.id} {made.run}",
    )
    enqueue(tx, order)


def _change(
    tx: Tx,
    found: Import,
    state: ImportState,
    *,
    now: Millis,
    csv_key: str | None,
    run: int | None = None,
    reason: str | None = None,
) -> None:
    params = {
        "key_team_id": found.team_id,
        "key_id": found.id,
        "new_state": state.value,
        "new_reason": reason,
        "new_run": found.run if run is None else run,
        "new_csv_key": csv_key,
        "new_position": None if state is ImportState.DONE else found.position,
        "now": now,
        "ended_at": now if state in _ENDS else None,
    }
    tx.run(_move, params)


def _note(tx: Tx, made: Import, verb: str, actor: audit.Actor, *, now: Millis) -> None:
    after = {"origin": made.origin, "dry_run": made.is_dry_run, "created": made.created}
    audit.note(tx, actor, audit.Change(made.team_id, f"import.{verb}", "import", made.id, after=after), now=now)


def _import_of(row: tuple[Any, ...] | None) -> Import:
    if row is None:
        raise ImportNotFound("there is no import with this id in this team")
    values = dict(zip(_NAMES, row, strict=True))
    values["state"] = ImportState(values["state"])
    values["options"] = msgspec.convert(values["options"], Options)
    values["actor"] = audit.Actor(**values["actor"])
    return Import(**values)
