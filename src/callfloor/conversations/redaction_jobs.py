"""The job that completes a redaction: the recording comes back silenced, and what it was before is left nowhere."""

from __future__ import annotations

from functools import partial

from callfloor.conversations.erasure_jobs import delete_told, scrub_at_once
from callfloor.conversations.muting import NOT_SILENCED
from callfloor.conversations.outcomes import delay_recording, withhold_recording
from callfloor.conversations.redacting import REDACT, finish_redaction, redaction_by_id
from callfloor.conversations.silencing import silence_held
from callfloor.conversations.stewardship_tables import RedactionState
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import ClaimedJob, JobKind, RunningJob, Verb
from callfloor.foundation.services import Services


def redact_recording(job: RunningJob, services: Services) -> Verb | None:
    """Silence the recording; the returned verb completes the receipt.

    Raises:
        DecoderFailed: this machine is at fault; another attempt may help.
    """
    team_id, redaction_id = job.team_id or 0, str(job.args["redaction_id"])
    asked = services.db.read_now(partial(redaction_by_id, team_id=team_id, redaction_id=redaction_id))
    if asked is None:
        return None  # erased since
    fault = silence_held(job, services, team_id, asked.conversation_id)
    if fault is not None:
        withhold = partial(withhold_recording, team_id=team_id, conversation_id=asked.conversation_id)
        services.db.write_now(partial(withhold, reason=fault, now=job.now()))
    delete_told(job, services, team_id)
    scrubbed_at = scrub_at_once(job, services)
    state = RedactionState.DONE if fault is None else RedactionState.WITHHELD
    return partial(
        finish_redaction,
        team_id=team_id,
        redaction_id=redaction_id,
        state=state,
        scrubbed_at=scrubbed_at,
        now=job.now(),
    )


def give_up(job: ClaimedJob, reason: str, now: Millis) -> Verb:
    """Say why the recording is not there yet; the receipt runs on, and gets another job in the night."""
    last = reason.splitlines()[0]
    text = f"The recording is still to be silenced; it was tried {job.attempt} times, the last time: {last}"
    team_id, redaction_id = job.team_id or 0, str(job.args["redaction_id"])
    return partial(_delay, team_id=team_id, redaction_id=redaction_id, text=text, now=now)


def _delay(tx: Tx, team_id: int, redaction_id: str, *, text: str, now: Millis) -> None:
    asked = redaction_by_id(tx, team_id, redaction_id)
    if asked is not None:
        delay_recording(tx, team_id, asked.conversation_id, reason=(NOT_SILENCED, text), now=now)


REDACT_RECORDING: JobKind[Services] = JobKind(
    name=REDACT, handler=redact_recording, max_attempts=20, timeout_seconds=24 * 3600, on_failed=give_up
)
