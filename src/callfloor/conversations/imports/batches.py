"""A batch of rows in one transaction: its calls, its refusals, and the place the import has come to."""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Integer, insert, select, update

from callfloor.conversations.arrival import Arrival, receive_conversation
from callfloor.conversations.imports.imports import Import, RunOver, locked_import
from callfloor.conversations.imports.rows import Fault, Skip
from callfloor.conversations.imports.tables import ImportState, conversation_import, import_key, import_refusal
from callfloor.conversations.incoming import announce_file
from callfloor.conversations.tables import ConversationKind, conversation
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, Tx, any_of, param, upsert
from callfloor.foundation.dry_run import try_now

FIELD_LIMIT = 255
_KIND = ConversationKind.CALL.value

_i, _c = conversation_import.c, conversation.c
_known_ids = select(_c.external_call_id).where(
    _c.team_id == param("team_id"), _c.kind == _KIND, any_of(_c.external_call_id, "external_ids")
)
_known_content = (
    select(_c.id)
    .where(_c.team_id == param("team_id"), _c.kind == _KIND, _c.content_sha256 == param("content_sha256"))
    .limit(1)
)
_advance = (
    update(conversation_import)
    .where(_i.team_id == param("key_team_id"), _i.id == param("key_id"))
    .values(
        row_number=param("new_row_number"),
        position=param("new_position"),
        done_units=param("new_done_units"),
        created=_i.created + param("more_created", Integer),
        existing=_i.existing + param("more_existing", Integer),
        refused=_i.refused + param("more_refused", Integer),
        not_answered=_i.not_answered + param("more_not_answered", Integer),
        not_recorded=_i.not_recorded + param("more_not_recorded", Integer),
        updated_at=param("now"),
    )
)
_refuse = (
    upsert(import_refusal)
    .values({column.name: param(column.name, column.type) for column in import_refusal.c})
    .on_conflict_do_nothing()
)
"""A row may be met again: see `forgetting`."""
_see = insert(import_key)
_seen = (
    select(import_key.c.key)
    .where(
        import_key.c.team_id == param("team_id"),
        import_key.c.import_id == param("import_id"),
        any_of(import_key.c.key, "keys"),
    )
    .limit(1)
)


class Moved(Exception):
    """Another worker has committed rows of this run meanwhile: go on where it is now."""


class Known(enum.Enum):
    """A row whose call is there already."""

    EXISTING = "existing"


Ending = Arrival | Skip | Known | Sequence[Fault]
"""What a row has become: a call to receive, no conversation, a call that is there, or refused with these faults."""


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """A row, ready for the batch."""

    number: int
    position: str
    done_units: int
    file: str | None
    ending: Ending


def known_external_ids(tx: Tx, team_id: int, external_ids: Iterable[str]) -> set[str]:
    """Return those of the ids that calls of the team have."""
    ids = list(dict.fromkeys(external_ids))
    rows = tx.all(_known_ids, {"team_id": team_id, "external_ids": ids}) if ids else []
    return {str(row[0]) for row in rows}


def has_content(tx: Tx, team_id: int, content_sha256: str) -> bool:
    """Return whether a call of the team has this content."""
    return tx.one(_known_content, {"team_id": team_id, "content_sha256": content_sha256}) is not None


def commit_batch(db: Database, begun: Import, batch: Sequence[Prepared], *, now: Millis) -> list[Arrival]:
    """Commit the batch; in a dry run nothing of it but the count, the refusals and the place.

    Returns:
        the arrivals that were there already: their recordings are not needed.

    Raises:
        RunOver: the import was stopped, resumed elsewhere, or has ended.
        Moved: see there.
    """
    arrivals = [row.ending for row in batch if isinstance(row.ending, Arrival)]
    if not begun.is_dry_run:

        def commit(tx: Tx) -> list[Arrival]:
            _check(tx, begun)
            known = [arrival for arrival in arrivals if not _received(tx, arrival)]
            _note_batch(tx, begun, batch, created=len(arrivals) - len(known), now=now)
            return known

        return db.write_now(commit)
    created = try_now(db, _trial(arrivals)) if arrivals else []

    def note(tx: Tx) -> None:
        _check(tx, begun)
        seen = [_is_new(tx, begun, arrival) for arrival in created]
        _note_batch(tx, begun, batch, created=sum(seen), now=now)

    db.write_now(note)
    return []


def _trial(arrivals: Sequence[Arrival]) -> Callable[[Tx], list[Arrival]]:
    def trial(tx: Tx) -> list[Arrival]:
        for arrival in arrivals:
            if arrival.recording is not None:  # it was not stored, so nobody has announced it
                announce_file(tx, arrival.team_id, arrival.recording.id, arrival.recording.file_key, now=arrival.now)
        return [arrival for arrival in arrivals if _received(tx, arrival)]

    return trial


def _check(tx: Tx, begun: Import) -> None:
    found = locked_import(tx, begun.team_id, begun.id)
    if found.run != begun.run or found.state is not ImportState.RUNNING:
        raise RunOver
    if (found.row_number, found.position) != (begun.row_number, begun.position):
        raise Moved


def _received(tx: Tx, arrival: Arrival) -> bool:
    """Return whether the call is new: a telephony system tells of one recording in several rows."""
    if has_content(tx, arrival.team_id, arrival.content_sha256):
        return False
    return receive_conversation(tx, arrival).is_new


def _is_new(tx: Tx, begun: Import, arrival: Arrival) -> bool:
    """Return whether no earlier row of a dry run would have created the call."""
    keys = [f"content {arrival.content_sha256}"]
    if arrival.external_call_id is not None:
        keys.append(f"id {arrival.external_call_id}")
    own = {"team_id": begun.team_id, "import_id": begun.id}
    if tx.one(_seen, {**own, "keys": keys}) is not None:
        return False
    tx.run(_see, [{**own, "key": key} for key in keys])
    return True


def _note_batch(tx: Tx, begun: Import, batch: Sequence[Prepared], *, created: int, now: Millis) -> None:
    skips = Counter(row.ending for row in batch if isinstance(row.ending, Skip))
    refused = [(row, row.ending) for row in batch if not isinstance(row.ending, Arrival | Skip | Known)]
    last = batch[-1]
    tx.run(
        _refuse,
        [
            {
                "team_id": begun.team_id,
                "import_id": begun.id,
                "row_number": row.number,
                "position": position,
                "file": row.file,
                "field": fault.field[:FIELD_LIMIT],
                "expected": fault.expected,
            }
            for row, faults in refused
            for position, fault in enumerate(faults)
        ],
    )
    not_existing = created + len(refused) + sum(skips.values())
    tx.run(
        _advance,
        {
            "key_team_id": begun.team_id,
            "key_id": begun.id,
            "new_row_number": last.number,
            "new_position": last.position,
            "new_done_units": last.done_units,
            "more_created": created,
            "more_existing": len(batch) - not_existing,
            "more_refused": len(refused),
            "more_not_answered": skips[Skip.NOT_ANSWERED],
            "more_not_recorded": skips[Skip.NOT_RECORDED],
            "now": now,
        },
    )
