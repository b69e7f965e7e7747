"""The job that fetches a recording from the address that an upload named, and what follows."""

from __future__ import annotations

import asyncio
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import PurePosixPath

from callfloor.conversations.arrival import FETCH
from callfloor.conversations.attaching import attach_recording, keep_asking
from callfloor.conversations.intake import Intake, StoredRecording
from callfloor.conversations.outcomes import record_failure
from callfloor.foundation.clock import Millis
from callfloor.foundation.jobs import ClaimedJob, JobKind, RunningJob, Verb
from callfloor.foundation.outgoing import AddressRefused, AnswerTooLarge, RequestFailed, fetched, rules_of
from callfloor.foundation.services import Services
from callfloor.speech.sniffing import HEAD_BYTES, sniff

FETCH_SECONDS = 3600.0
FOREIGN = ("recording_format", "What the address leads to is not a recording of a known format.")


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
    except RequestFailed as error:
        text = f"The recording could not be fetched yet: {error}. It is asked again."
        waits = partial(keep_asking, team_id=team_id, conversation_id=conversation_id, now=job.now())
        services.db.write_now(partial(waits, reason=("recording_not_fetched", text)))
        raise
    return partial(attach_recording, team_id=team_id, conversation_id=conversation_id, kept=kept, now=job.now())


def give_up(job: ClaimedJob, reason: str, now: Millis) -> Verb:
    """Say on the conversation that its recording could not be fetched."""
    text = f"The recording could not be fetched in {job.attempt} attempts, the last time: {reason.splitlines()[0]}"
    failed = partial(record_failure, team_id=job.team_id or 0, conversation_id=str(job.args["conversation_id"]))
    return partial(failed, reason=("recording_not_fetched", text), now=now)


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
