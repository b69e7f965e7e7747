"""The job that fetches a recording from the address that an upload named, and what follows."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import PurePosixPath

from sqlalchemy import insert, select, update

from callfloor.conversations.arrival import FETCH, recording_row, transcribe_order
from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.incoming import settle_file
from callfloor.conversations.intake import Intake, StoredRecording
from callfloor.conversations.outcomes import record_failure
from callfloor.conversations.tables import ProcessingStatus, conversation, recording
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.jobs import ClaimedJob, JobKind, RunningJob, Verb, enqueue
from callfloor.foundation.outgoing import AddressRefused, AnswerTooLarge, fetched, rules_of
from callfloor.foundation.services import Services
from callfloor.speech.sniffing import HEAD_BYTES, sniff

FETCH_SECONDS = 3600.0
FOREIGN = ("recording_format", "What the address leads to is not a recording of a known format.")

_WAITING = (ProcessingStatus.QUEUED.value, ProcessingStatus.ANALYZED.value)
_c = conversation.c
_add_recording = insert(recording)
_status = (
    select(_c.processing_status, _c.kind)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .with_for_update()
)
_name_content = (
    update(conversation)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .values(content_sha256=param("content"), updated_at=param("now"))
)


class _Foreign(Exception):
    """The bytes begin no recording."""


def fetch_recording(job: RunningJob, services: Services) -> Verb:
    """Fetch the recording; the returned verb gives it to its conversation, or says why there is none.

    Raises:
        RequestFailed: the address did not answer properly; another attempt may help.
    """
    team_id, conversation_id = job.team_id or 0, str(job.args["conversation_id"])
    url, limit = str(job.args["url"]), services.settings.upload.max_bytes
    failed = partial(record_failure, team_id=team_id, conversation_id=conversation_id, now=job.now())
    job.progress("fetching")
    try:
        with fetched(url, rules=rules_of(services.settings), seconds=FETCH_SECONDS, limit_bytes=limit) as (_, pieces):
            kept = _kept(Intake(services, team_id, job.now()), pieces, _name_in(url), job)
    except AddressRefused as error:
        return partial(failed, reason=("recording_address_refused", f"The recording's address {error.message}."))
    except AnswerTooLarge:
        return partial(failed, reason=("recording_too_large", f"The recording has more than {limit} bytes."))
    except _Foreign:
        return partial(failed, reason=FOREIGN)
    return partial(attach_recording, team_id=team_id, conversation_id=conversation_id, kept=kept, now=job.now())


def attach_recording(tx: Tx, team_id: int, conversation_id: str, kept: StoredRecording, *, now: Millis) -> None:
    """Give the conversation its recording, and start its analysis; one that does not wait for it is left alone."""
    own = {"team": team_id, "conversation": conversation_id}
    row = tx.one(_status, own)
    if row is None or row[0] not in _WAITING:
        return  # the sweep removes the file
    settle_file(tx, team_id, kept.id)
    tx.run(_add_recording, recording_row(team_id, conversation_id, kept, now))
    tx.run(_name_content, {**own, "content": kept.sha256, "now": now})
    if row[0] == ProcessingStatus.QUEUED.value:
        enqueue(tx, transcribe_order(team_id, conversation_id, now))
    else:  # its transcript came with it
        note_change(tx, team_id, row[1], conversation_id, Change.EDITED, now=now)


def give_up(job: ClaimedJob, reason: str) -> Verb:
    """Say on the conversation that its recording could not be fetched."""
    text = f"The recording could not be fetched in {job.attempt} attempts, the last time: {reason.splitlines()[0]}"
    return partial(
        _fail, team_id=job.team_id or 0, conversation_id=str(job.args["conversation_id"]), text=text, now=job.created_at
    )


def _fail(tx: Tx, team_id: int, conversation_id: str, text: str, now: Millis) -> None:
    record_failure(tx, team_id, conversation_id, reason=("recording_not_fetched", text), now=now)


FETCH_RECORDING: JobKind[Services] = JobKind(
    name=FETCH,
    handler=fetch_recording,
    max_attempts=12,
    backoff_seconds=5,
    backoff_limit_seconds=3600,
    timeout_seconds=FETCH_SECONDS + 60,
    on_failed=give_up,
)


def _kept(intake: Intake, pieces: Iterator[bytes], name: str | None, job: RunningJob) -> StoredRecording:
    head = bytearray()
    for piece in pieces:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    container = sniff(bytes(head))
    if container is None:
        raise _Foreign

    async def chunks() -> AsyncIterator[bytes]:
        done = len(head)
        yield bytes(head)
        for piece in pieces:
            done += len(piece)
            job.progress("fetching", done)
            yield piece

    return asyncio.run(intake.keep(chunks(), container=container, original_name=name))


def _name_in(url: str) -> str | None:
    name = PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name
    return "".join(c for c in name if c.isprintable())[:255].strip() or None
