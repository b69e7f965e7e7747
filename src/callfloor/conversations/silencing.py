"""The job that silences the pauses of a recording; only then the conversation has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path, PurePath

from callfloor.conversations.attaching import attach_silenced
from callfloor.conversations.intake import Intake, StoredRecording
from callfloor.conversations.muting import NOT_SILENCED, SILENCE, TOO_LARGE, HeldRecording, held_recording, muted_spans
from callfloor.conversations.outcomes import withhold_recording
from callfloor.foundation.clock import Millis
from callfloor.foundation.files import FileMissing, TooLarge
from callfloor.foundation.jobs import ClaimedJob, JobKind, RunningJob, Verb
from callfloor.foundation.scratch import scratch_folder
from callfloor.foundation.services import Services
from callfloor.speech.decoding import DecodeLimits, silence
from callfloor.speech.errors import AudioRejected

_TIMEOUT_SECONDS = 3700.0
_READ_BYTES = 1024 * 1024
_TOO_LARGE = (TOO_LARGE, "Written anew with its pauses silent the recording is larger than allowed.")
_MISSING = ("recording_missing", "The recording is no longer in the store of files.")


def silence_recording(job: RunningJob, services: Services) -> Verb | None:
    """Write the recording anew; the returned verb says of one that cannot be why.

    Raises:
        DecoderFailed: this machine is at fault; another attempt may help.
    """
    team_id, conversation_id = job.team_id or 0, str(job.args["conversation_id"])
    fault = silence_held(job, services, team_id, conversation_id)
    if fault is None:
        return None
    return partial(withhold_recording, team_id=team_id, conversation_id=conversation_id, reason=fault, now=job.now())


def silence_held(job: RunningJob, services: Services, team_id: int, conversation_id: str) -> tuple[str, str] | None:
    """Give a conversation the recording that waits until parts of it are silent, if one does.

    Returns:
        the code and the sentence of why it cannot be silenced: it waits on.

    Raises:
        DecoderFailed: this machine is at fault; another attempt may help.
    """
    waiting = partial(held_recording, team_id=team_id, conversation_id=conversation_id)
    silent = partial(muted_spans, team_id=team_id, conversation_id=conversation_id)
    attach = partial(attach_silenced, team_id=team_id, conversation_id=conversation_id)
    while (held := services.db.read_now(waiting)) is not None:
        job.progress("silencing")
        spans = services.db.read_now(silent)
        try:
            kept = _silenced(services, team_id, held, spans, job.now())
        except AudioRejected as rejected:
            return rejected.code, rejected.reason
        except TooLarge:
            return _TOO_LARGE
        except FileMissing:
            # Another run has just given it to the conversation, or the file is lost.
            if services.db.read_now(waiting) == held:
                return _MISSING
            continue
        services.db.write_now(partial(attach, kept=kept, spans=spans, now=job.now()))
    return None


def give_up(job: ClaimedJob, reason: str, now: Millis) -> Verb:
    """Say on the conversation that its pauses could not be silenced: nobody is given the recording then."""
    text = f"The pauses could not be silenced in {job.attempt} attempts, the last time: {reason.splitlines()[0]}"
    withheld = partial(withhold_recording, team_id=job.team_id or 0, conversation_id=str(job.args["conversation_id"]))
    return partial(withheld, reason=(NOT_SILENCED, text), now=now)


SILENCE_RECORDING: JobKind[Services] = JobKind(
    name=SILENCE, handler=silence_recording, timeout_seconds=_TIMEOUT_SECONDS, on_failed=give_up
)


def _silenced(
    services: Services, team_id: int, held: HeldRecording, spans: list[tuple[float, float]], now: Millis
) -> StoredRecording:
    limits = DecodeLimits(max_duration_seconds=services.settings.upload.max_seconds)
    with (
        scratch_folder(services.settings.data / "scratch", "silence-", now=now) as folder,
        services.files.as_local(held.file_key, folder) as source,
    ):
        copy = folder / "silenced"
        container = silence(source, copy, spans, limits=limits)
        name = held.original_name and str(PurePath(held.original_name).with_suffix(f".{container}"))
        intake = Intake(services, team_id, now)
        return asyncio.run(intake.keep(_pieces(copy), container=container, original_name=name))


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        while piece := await asyncio.to_thread(source.read, _READ_BYTES):
            yield piece
