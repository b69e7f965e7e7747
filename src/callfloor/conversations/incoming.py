"""Files on their way into the store: written down before they come, so that what a stop leaves behind is found."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from callfloor.conversations.tables import incoming_file
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import DomainError

ABANDONED_AFTER: Millis = DAY

_f = incoming_file.c
_this = (_f.team_id == param("team_id"), _f.id == param("id"))
_add = insert(incoming_file)
_add_again = (
    upsert(incoming_file)
    .values({column.name: param(column.name, column.type) for column in _f})
    .on_conflict_do_nothing()
)
_forbidden = upsert(incoming_file).values({column.name: param(column.name, column.type) for column in _f})
_forbid = _forbidden.on_conflict_do_update(
    index_elements=[_f.team_id, _f.id],
    set_={"begun_at": _forbidden.excluded.begun_at, "is_condemned": _forbidden.excluded.is_condemned},
)
_remove = delete(incoming_file).where(*_this)
_settle = delete(incoming_file).where(*_this, _f.is_condemned.is_(False)).returning(_f.id)
_condemn = update(incoming_file).where(_f.begun_at < param("before")).values(is_condemned=True)
_condemn_one = update(incoming_file).where(*_this).values(is_condemned=True, begun_at=0)
_condemned = select(_f.team_id, _f.id, _f.file_key).where(_f.begun_at < param("before"), _f.is_condemned)

Abandoned = tuple[int, str, str]
"""Team, id and key in the file store."""


class FileSwept(DomainError):
    """The file lay unclaimed for more than a day and is gone."""

    code = "file_swept"
    status = 409


def announce_file(tx: Tx, team_id: int, file_id: str, file_key: str, *, now: Millis) -> None:
    """Write down a file that is about to be stored."""
    tx.run(_add, {"team_id": team_id, "id": file_id, "file_key": file_key, "begun_at": now, "is_condemned": False})


def announce_file_again(tx: Tx, team_id: int, file_id: str, file_key: str, *, now: Millis) -> None:
    """As `announce_file`, of a file that may have been written down before."""
    row = {"team_id": team_id, "id": file_id, "file_key": file_key, "begun_at": now, "is_condemned": False}
    tx.run(_add_again, row)


def settle_file(tx: Tx, team_id: int, file_id: str) -> None:
    """Take the file off the list, in the transaction in which it becomes a recording.

    Raises:
        FileSwept: the sweep has it.
    """
    if tx.one(_settle, {"team_id": team_id, "id": file_id}) is None:
        raise FileSwept("the upload took more than a day; send it again")


def condemn_file(tx: Tx, team_id: int, file_id: str) -> None:
    """Leave a file that nobody will claim to the next sweep."""
    tx.run(_condemn_one, {"team_id": team_id, "id": file_id})


def forbid_file(tx: Tx, team_id: int, file_id: str, file_key: str, *, now: Millis) -> None:
    """Let nobody claim a file that somebody may be storing at this moment: the sweep removes it a day later.

    Whoever removes it sooner does not take it off the list: it may come after that.
    """
    tx.run(_forbid, {"team_id": team_id, "id": file_id, "file_key": file_key, "begun_at": now, "is_condemned": True})


def condemn_abandoned(tx: Tx, *, now: Millis) -> list[Abandoned]:
    """Return the files that nobody claimed for a day; from now on nobody can."""
    before = {"before": now - ABANDONED_AFTER}
    tx.run(_condemn, before)
    return tx.all(_condemned, before)


def forget_files(tx: Tx, files: Sequence[tuple[int, str]]) -> None:
    """Take files that are gone off the list; each is its team and id."""
    tx.run(_remove, [{"team_id": team_id, "id": file_id} for team_id, file_id in files])
