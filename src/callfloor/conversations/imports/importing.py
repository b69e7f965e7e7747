"""The work of an import: rows are read, recordings kept, and batches committed, until nothing is left.

What is killed goes on behind its last committed batch. The recordings of a batch that was cut off are found and removed
by the sweep of incoming files.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import io
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath

from callfloor.conversations.arrival import Arrival
from callfloor.conversations.imports.batches import (
    Ending,
    Known,
    Moved,
    Prepared,
    commit_batch,
    has_content,
    known_external_ids,
)
from callfloor.conversations.imports.imports import Import, begin_run, end_import, import_by_id
from callfloor.conversations.imports.recordings import Recordings, RecordingUnreadable
from callfloor.conversations.imports.rows import (
    Fault,
    Found,
    RowFields,
    RowRefused,
    RowSkipped,
    Skip,
    SourceRow,
    Wanted,
)
from callfloor.conversations.imports.sources import Source
from callfloor.conversations.intake import MEDIA_TYPES, Intake, StoredRecording
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import Millis
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import BACKGROUND_PRIORITY
from callfloor.foundation.services import Services
from callfloor.speech.sniffing import HEAD_BYTES, sniff

BATCH_ROWS = 50
FILES_AT_ONCE = 4
_READ_BYTES = 1024 * 1024
_BARE_WAV_BYTES = 60
"""A wav of so few bytes has a header and no sound; telephony systems leave such where nobody spoke."""
_NAMELESS = "Call"
_KNOWN_FORMAT = "a recording in wav, mp3, m4a, aac, ogg, opus, flac or webm"


@dataclasses.dataclass(frozen=True, slots=True)
class Runner:
    """Who does the work, and what it is told.

    Args:
        clock: the present instant.
        on_progress: told after every batch; what it raises ends the work, and what is committed stays.
        stop_if_asked: raises when the work shall end now.
    """

    services: Services
    scratch: Path
    clock: Callable[[], Millis]
    on_progress: Callable[[Import], None]
    stop_if_asked: Callable[[], None] = lambda: None


def run_import(runner: Runner, begun: Import, source: Source, recordings: Recordings) -> None:
    """Import everything that is left, and end the import.

    Raises:
        RunOver: it was stopped, resumed elsewhere, or has ended.
        DomainError, Unavailable: what it reads from cannot be read; what is committed stays.
    """
    db = runner.services.db
    start = partial(begin_run, team_id=begun.team_id, import_id=begun.id, run=begun.run, total=source.total())
    begun = db.write_now(partial(start, now=runner.clock()))
    runner.on_progress(begun)
    work = _Work(runner, source, recordings)
    with ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="import") as pool:
        while not work.run_from(begun, pool):
            begun = db.read_now(partial(import_by_id, team_id=begun.team_id, import_id=begun.id))
    end = partial(end_import, team_id=begun.team_id, import_id=begun.id, run=begun.run, now=runner.clock())
    db.write_now(end)


class _Work:
    def __init__(self, runner: Runner, source: Source, recordings: Recordings) -> None:
        self._runner = runner
        self._db = runner.services.db
        self._source = source
        self._recordings = recordings

    def run_from(self, begun: Import, pool: ThreadPoolExecutor) -> bool:
        """Commit batches from where the import is; returns False where another worker has moved it."""
        rows = self._source.rows(begun.position, begun.row_number)
        while batch := list(itertools.islice(rows, BATCH_ROWS)):
            self._runner.stop_if_asked()
            prepared = self._prepared(begun, batch, pool)
            try:
                unneeded = commit_batch(self._db, begun, prepared, now=self._runner.clock())
            except Moved:
                return False
            for arrival in unneeded:
                self._discard(arrival.recording)
            begun = self._db.read_now(partial(import_by_id, team_id=begun.team_id, import_id=begun.id))
            self._runner.on_progress(begun)
        return True

    def _prepared(self, begun: Import, batch: Sequence[SourceRow], pool: ThreadPoolExecutor) -> list[Prepared]:
        read = [self._read(row) for row in batch]
        ids = [fields.external_id for fields in read if isinstance(fields, RowFields) and fields.external_id]
        known = self._db.read_now(partial(known_external_ids, team_id=begun.team_id, external_ids=ids))

        def ending(fields: RowFields | Ending) -> Ending:
            if not isinstance(fields, RowFields):
                return fields
            if fields.external_id in known:
                return Known.EXISTING
            self._runner.stop_if_asked()
            return self._ending(begun, fields)

        endings = list(pool.map(ending, read))
        return [
            Prepared(row.number, row.position, row.done_units, row.file, one)
            for row, one in zip(batch, endings, strict=True)
        ]

    def _read(self, row: SourceRow) -> RowFields | Ending:
        """Return what the row says, its recording found."""
        try:
            fields = self._source.fields(row)
        except RowRefused as refused:
            return refused.faults
        except RowSkipped as skipped:
            return skipped.why
        if isinstance(fields.recording, Found):
            return fields
        found = self._recordings.find(fields.recording)
        if found is not None:
            return dataclasses.replace(fields, recording=found)
        if not fields.recording.is_promised:
            return Skip.NOT_RECORDED
        return [Fault(fields.recording.field, "the path or the name of a file among the recordings")]

    def _ending(self, begun: Import, fields: RowFields) -> Ending:
        """Return the call to be received; its recording is kept, unless this is a dry run."""
        found = fields.recording
        assert not isinstance(found, Wanted)  # noqa: S101  # `_read` has found it
        with contextlib.ExitStack() as lent:
            try:
                path = lent.enter_context(self._recordings.as_local(found, self._runner.scratch))
                file = lent.enter_context(path.open("rb"))
            except (RecordingUnreadable, PermissionError, FileNotFoundError):
                return [Fault("recording", "a file that can be read")]
            try:
                return self._received(begun, fields, PurePosixPath(found.path).name, file)
            except RowRefused as refused:
                return refused.faults

    def _received(self, begun: Import, fields: RowFields, name: str, file: io.BufferedReader) -> Ending:
        container, size = self._looked_at(file)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if self._db.read_now(partial(has_content, team_id=begun.team_id, content_sha256=digest)):
            return Known.EXISTING
        file.seek(0)
        if begun.is_dry_run:
            recording_id = new_id()
            key = f"recordings/{begun.team_id}/{recording_id}"
            kept = StoredRecording(recording_id, key, size, digest, MEDIA_TYPES.get(container, ""), name)
        else:
            intake = Intake(self._runner.services, begun.team_id, self._runner.clock())
            kept = asyncio.run(intake.keep(_chunks(file), container=container, original_name=_shown(name)))
        return self._arrival(begun, fields, kept)

    def _looked_at(self, file: io.BufferedReader) -> tuple[str, int]:
        head = file.read(HEAD_BYTES)
        container, size = sniff(head), file.seek(0, 2)
        file.seek(0)
        limit = self._runner.services.settings.upload.max_bytes
        if not head:
            raise RowRefused(Fault("recording", "a file that is not empty"))
        if container is None:
            raise RowRefused(Fault("recording", _KNOWN_FORMAT))
        if container == "wav" and size <= _BARE_WAV_BYTES:
            raise RowRefused(Fault("recording", "a recording with sound; this one is a header alone"))
        if size > limit:
            raise RowRefused(Fault("recording", f"at most {limit} bytes"))
        return container, size

    def _arrival(self, begun: Import, fields: RowFields, kept: StoredRecording) -> Arrival:
        return Arrival(
            team_id=begun.team_id,
            kind=ConversationKind.CALL,
            conversation_id=new_id(),
            now=self._runner.clock(),
            actor=begun.actor,
            date=fields.date,
            name=fields.name or PurePosixPath(kept.original_name or "").stem or _NAMELESS,
            content_sha256=kept.sha256,
            direction=fields.direction,
            caller=fields.caller,
            callee=fields.callee,
            external_call_id=fields.external_id,
            language=fields.language or begun.options.language,
            owner_email=fields.user_email,
            maker_account_id=begun.maker_account_id,
            parties=fields.parties,
            recording=kept,
            recording_consent=fields.consent,
            priority=BACKGROUND_PRIORITY,
        )

    def _discard(self, recording: StoredRecording | None) -> None:
        if recording is not None:
            self._runner.services.files.delete_now(recording.file_key)


async def _chunks(file: io.BufferedReader) -> AsyncIterator[bytes]:
    while chunk := file.read(_READ_BYTES):
        yield chunk


def _shown(name: str) -> str | None:
    return "".join(one for one in name if one.isprintable())[:255].strip() or None


def left_seconds(begun: Import) -> tuple[float | None, float | None]:
    """Return how many units a second the import does since it was last begun, and how long the rest takes so."""
    if begun.run_began_at is None or begun.total_units is None:
        return None, None
    seconds = (begun.updated_at - begun.run_began_at) / 1000
    done = begun.done_units - begun.run_began_units
    if seconds <= 0 or done <= 0:
        return None, None
    rate = done / seconds
    return rate, max(0, begun.total_units - begun.done_units) / rate
