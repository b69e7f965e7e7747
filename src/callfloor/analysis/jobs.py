"""The job that turns a conversation's recording into its transcript."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

from callfloor.analysis.engines import ENGINES
from callfloor.analysis.measures import Voice, measures_of, speech_shares
from callfloor.analysis.voices import ChannelVoice, voices_of
from callfloor.conversations.arrival import SPEECH_QUEUE, TRANSCRIBE, transcribe_order
from callfloor.conversations.muting import held_recording, muted_spans
from callfloor.conversations.outcomes import (
    Analyzed,
    Material,
    begin_processing,
    has_file,
    keep_waiting,
    material_of,
    record_analysis,
    record_failure,
)
from callfloor.conversations.tables import ProcessingStatus
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import HOUR, MINUTE, SECOND, Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.files import FileMissing
from callfloor.foundation.jobs import ClaimedJob, JobKind, RunningJob, Verb, enqueue
from callfloor.foundation.scratch import scratch_folder
from callfloor.foundation.services import Services
from callfloor.speech.decoding import DecodeLimits
from callfloor.speech.errors import AudioRejected, SpeechUnavailable
from callfloor.speech.models import find_model
from callfloor.speech.recognition import Engine
from callfloor.speech.transcription import Progress, Transcript, transcribe

WAIT_FOR_MODEL: Millis = MINUTE
RECORDING_MISSING = ("recording_missing", "The recording is no longer in the store of files.")
NO_SPEECH = ("no_speech", "Nobody speaks in the recording.")
LEASE_SECONDS = 15.0
"""How long a call waits when its worker was killed."""
TIMEOUT_SECONDS = 12 * HOUR / SECOND


def transcribe_conversation(job: RunningJob, services: Services) -> Verb | None:
    """Transcribe the recording; the returned verb stores what was heard, or why nothing could be."""
    team_id, conversation_id = job.team_id, str(job.args["conversation_id"])
    if team_id is None:
        raise ValueError("a conversation belongs to a team")
    material = services.db.read_now(partial(material_of, team_id=team_id, conversation_id=conversation_id))
    if material is None or material.status in {ProcessingStatus.ANALYZED, ProcessingStatus.FAILED}:
        return None
    this = _Conversation(team_id, conversation_id, job.claimed.priority)
    muted = services.db.read_now(partial(muted_spans, team_id=team_id, conversation_id=conversation_id))
    try:
        model = find_model(services.settings.speech.model, services.settings.models_folder)
        with ENGINES.lent(model, threads=services.settings.speech.threads) as engine:
            if not services.db.write_now(partial(this.begins, file_key=material.file_key, now=job.now())):
                return None  # withdrawn to be redacted: it comes back with a job of its own
            transcript = _transcript(job, services, material, engine, muted)
    except AudioRejected as rejected:
        return partial(this.failed, reason=(rejected.code, rejected.reason), now=job.now())
    except FileMissing:
        return partial(this.lacks, file_key=material.file_key, now=job.now())
    except SpeechUnavailable as error:
        return partial(this.waits, reason=str(error), now=job.now())
    done = _analyzed(this, material, transcript, job.now())
    return partial(record_analysis, done=dataclasses.replace(done, muted=muted))


def give_up(job: ClaimedJob, reason: str, now: Millis) -> Verb:
    """Mark the conversation as failed, in the transaction in which its job ends so."""
    this = _Conversation(job.team_id or 0, str(job.args["conversation_id"]), job.priority)
    text = f"The analysis failed {job.attempt} times, the last time: {reason.splitlines()[0] if reason else 'unknown'}"
    return partial(this.gives_up, reason=("analysis_failed", text), now=now)


TRANSCRIBE_CONVERSATION: JobKind[Services] = JobKind(
    name=TRANSCRIBE,
    handler=transcribe_conversation,
    queue=SPEECH_QUEUE,
    lease_seconds=LEASE_SECONDS,
    timeout_seconds=TIMEOUT_SECONDS,
    on_failed=give_up,
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Conversation:
    team_id: int
    id: str
    priority: int

    def begins(self, tx: Tx, *, file_key: str, now: Millis) -> bool:
        """Begin, if this is its recording still."""
        if not has_file(tx, self.team_id, self.id, file_key):
            return False
        begin_processing(tx, self.team_id, self.id, now=now)
        return True

    def lacks(self, tx: Tx, *, file_key: str, now: Millis) -> None:
        """Its file is lost, unless it has another by now, or is to have one."""
        if has_file(tx, self.team_id, self.id, file_key):
            self.failed(tx, reason=RECORDING_MISSING, now=now)

    def failed(self, tx: Tx, *, reason: tuple[str, str], now: Millis) -> None:
        record_failure(tx, self.team_id, self.id, reason=reason, now=now, priority=self.priority)

    def gives_up(self, tx: Tx, *, reason: tuple[str, str], now: Millis) -> None:
        """It has failed, unless its recording was withdrawn to be redacted: that comes back with a job of its own."""
        if held_recording(tx, self.team_id, self.id) is None:
            self.failed(tx, reason=reason, now=now)

    def waits(self, tx: Tx, *, reason: str, now: Millis) -> None:
        """The machine lacks something: nobody's fault, so it is tried until somebody brings it."""
        keep_waiting(tx, self.team_id, self.id, reason=("speech_unavailable", reason), now=now)
        order = transcribe_order(self.team_id, self.id, now, priority=self.priority)
        enqueue(tx, dataclasses.replace(order, run_at=now + WAIT_FOR_MODEL))


def _transcript(
    job: RunningJob, services: Services, material: Material, engine: Engine, muted: Sequence[tuple[float, float]]
) -> Transcript:
    def tell(progress: Progress) -> None:
        job.progress(progress.stage, int(progress.done), int(progress.total) or None)

    with (
        scratch_folder(services.settings.data / "scratch", "transcribe-", now=job.now()) as folder,
        services.files.as_local(material.file_key, folder) as source,
    ):
        return transcribe(
            source,
            engine=engine,
            scratch=folder,
            limits=DecodeLimits(max_duration_seconds=services.settings.upload.max_seconds),
            language=material.language,
            muted=muted,
            on_progress=tell,
        )


def _analyzed(this: _Conversation, material: Material, transcript: Transcript, now: Millis) -> Analyzed:
    voices = voices_of(transcript.channels, material.channels, material.speakers)
    segments = [
        Segment(
            speaker=voices[s.channel].label,
            start_ms=round(s.start * 1000),
            end_ms=round(s.end * 1000),
            text=s.text,
            channel=s.channel,
            words=[(w.text, round(w.start * 1000), round(w.end * 1000)) for w in s.words],
        )
        for s in transcript.segments
    ]
    duration_ms = round(transcript.duration_seconds * 1000)
    measures = measures_of(segments, _sides(voices), duration_ms=duration_ms)
    code, reason = _remark(transcript)
    return Analyzed(
        team_id=this.team_id,
        conversation_id=this.id,
        now=now,
        duration_ms=duration_ms,
        language=transcript.language or material.language,
        segments=segments,
        metrics=dataclasses.asdict(measures),
        speak_shares=_shares(segments, voices),
        labels={voice.position: voice.label for voice in voices.values() if voice.position is not None},
        reason_code=code,
        reason=reason,
        priority=this.priority,
    )


def _sides(voices: dict[int, ChannelVoice]) -> dict[Voice, str]:
    return {(channel, voice.label): voice.side for channel, voice in voices.items() if voice.side is not None}


def _shares(segments: list[Segment], voices: dict[int, ChannelVoice]) -> dict[int, float]:
    shares = speech_shares(segments)
    if not shares:
        return {}
    return {
        voice.position: shares.get((channel, voice.label), 0.0)
        for channel, voice in voices.items()
        if voice.position is not None
    }


def _remark(transcript: Transcript) -> tuple[str | None, str | None]:
    if not transcript.segments:
        code, text = NO_SPEECH
        return code, " ".join((text, *transcript.notes))
    if transcript.notes:
        return "imperfect", " ".join(transcript.notes)
    return None, None
