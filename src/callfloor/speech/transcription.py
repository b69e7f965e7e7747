"""A recording in, its words out: decode, gate, listen, write down, channel by channel, with progress and cancel."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from callfloor.speech import crosstalk, decoding, signals, voice, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from callfloor.speech.decoding import Decoded, DecodeLimits
    from callfloor.speech.recognition import Engine, Heard
    from callfloor.speech.signals import Signal
    from callfloor.speech.voice import Region
    from callfloor.speech.windows import Window

Stage: TypeAlias = Literal["decoding", "listening", "transcribing"]

_CUT_SHORT_SECONDS: Final = 1.0
_CUT_SHORT_SHARE: Final = 0.02
_SENTENCE_ENDS: Final = (".", "?", "!", "。", "？", "！")  # noqa: RUF001  full-width marks of other scripts


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is: ``done`` of ``total`` seconds of audio; ``total`` is 0.0 while unknown."""

    stage: Stage
    done: float
    total: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its punctuation; seconds from the beginning of the recording; probability 0..1."""

    start: float
    end: float
    text: str
    probability: float
    spaced: bool = True


@dataclass(frozen=True, slots=True)
class Segment:
    """What one channel said without a longer pause; seconds from the beginning of the recording."""

    channel: int
    start: float
    end: float
    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Everything said in a recording, in order of time.

    Attributes:
        language: two-letter code, given or heard; None when nobody speaks and none was given.
        speech_seconds: one entry a channel.
        notes: plain sentences on what was not perfect about the recording.
    """

    duration_seconds: float
    channels: int
    language: str | None
    segments: tuple[Segment, ...]
    speech_seconds: tuple[float, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionSettings:
    """How speech is packed and cut.

    Attributes:
        window_seconds: how much the model hears at once, at most 30.
        joint_seconds: silence between two stretches of speech in a window.
        segment_pause_seconds: a longer pause ends a segment.
        sentence_pause_seconds: a longer pause after a full stop ends a segment.
        long_segment_seconds: a segment longer than this ends with the sentence.
    """

    gate: crosstalk.GateSettings = field(default_factory=crosstalk.GateSettings)
    voice: voice.VoiceSettings = field(default_factory=voice.VoiceSettings)
    window_seconds: float = 29.0
    joint_seconds: float = 0.0
    segment_pause_seconds: float = 1.0
    sentence_pause_seconds: float = 0.4
    long_segment_seconds: float = 8.0


def transcribe(
    source: Path,
    *,
    engine: Engine,
    scratch: Path,
    limits: DecodeLimits,
    language: str | None,
    muted: Sequence[tuple[float, float]] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    settings: TranscriptionSettings | None = None,
) -> Transcript:
    """Transcribe a recording.

    Args:
        source: a local file.
        engine: the loaded model.
        scratch: a folder for the decoded audio (115 MB an hour and channel), removed again.
        limits: caps on the recording.
        language: two-letter code; None to hear it.
        muted: spans in seconds that nobody may hear.
        on_progress: told at least once a second while decoding, then after every piece of work; what it raises ends
            the work and comes out here.
        settings: how speech is packed and cut.

    Raises:
        AudioRejected: the recording is at fault.
        ModelDamaged: the model is at fault.
    """
    settings = settings or TranscriptionSettings()
    folder = Path(tempfile.mkdtemp(prefix="decoded-", dir=scratch))
    try:
        decoded = decoding.decode(
            source,
            folder,
            limits=limits,
            on_progress=lambda done, total: on_progress(Progress("decoding", done, total)),
        )
        signal = signals.open_signal([channel.path for channel in decoded.channels], muted=muted)
        return _transcribe_signal(signal, decoded, engine, language, on_progress, settings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _transcribe_signal(
    signal: Signal,
    decoded: Decoded,
    engine: Engine,
    language: str | None,
    on_progress: Callable[[Progress], None],
    settings: TranscriptionSettings,
) -> Transcript:
    signal = signal.without(crosstalk.leak_frames(signals.frame_levels(signal), settings=settings.gate))
    packed, speech_seconds = _listen(signal, on_progress, settings)
    words, heard_language, notes = _write_down(signal, packed, engine, language, on_progress)
    segments = [part for channel, said in words.items() for part in as_segments(channel, said, settings=settings)]
    return Transcript(
        duration_seconds=decoded.duration_seconds,
        channels=len(decoded.channels),
        language=heard_language,
        segments=tuple(sorted(segments, key=lambda segment: (segment.start, segment.channel))),
        speech_seconds=speech_seconds,
        notes=(*_notes_on(decoded), *notes),
    )


def _listen(
    signal: Signal, on_progress: Callable[[Progress], None], settings: TranscriptionSettings
) -> tuple[list[tuple[int, Window]], tuple[float, ...]]:
    """The windows of all channels in order of time, and how much each channel speaks."""
    on_progress(Progress("listening", 0.0, signal.duration_seconds))
    probabilities = voice.VoiceDetector().probabilities(
        signal, on_progress=lambda seconds: on_progress(Progress("listening", seconds, signal.duration_seconds))
    )
    packed: list[tuple[int, Window]] = []
    speech_seconds: list[float] = []
    for channel, chances in enumerate(probabilities):
        regions: tuple[Region, ...] = voice.speech_regions(chances, samples=signal.samples, settings=settings.voice)
        speech_seconds.append(sum(region.seconds for region in regions))
        packed += [
            (channel, window)
            for window in windows.pack(
                regions, chances, longest_seconds=settings.window_seconds, joint_seconds=settings.joint_seconds
            )
        ]
    packed.sort(key=lambda entry: (entry[1].pieces[0].start, entry[0]))
    return packed, tuple(speech_seconds)


def _write_down(
    signal: Signal,
    packed: Sequence[tuple[int, Window]],
    engine: Engine,
    language: str | None,
    on_progress: Callable[[Progress], None],
) -> tuple[dict[int, list[Word]], str | None, tuple[str, ...]]:
    total = sum(window.speech_seconds for _, window in packed)
    done, words = 0.0, defaultdict[int, list[Word]](list)
    heard: dict[int, Heard] = {}
    notes: tuple[str, ...] = ()
    on_progress(Progress("transcribing", done, total))
    language = language and language.lower().replace("_", "-").split("-")[0]
    if packed:
        language, heard, notes = _settle_language(signal, packed, engine, language)
    for index, (channel, window) in enumerate(packed):
        listened = heard.pop(index, None) or engine.hear(window.read(signal, channel))
        found = engine.write_down(listened, language=language or "en")
        times = window.as_real_times([(word.start, word.end) for word in found])
        words[channel] += [
            Word(round(start, 3), round(end, 3), word.text, round(word.probability, 3), word.spaced)
            for word, (start, end) in zip(found, times, strict=True)
        ]
        done += window.speech_seconds
        on_progress(Progress("transcribing", done, total))
    return words, language, notes


def _settle_language(
    signal: Signal, packed: Sequence[tuple[int, Window]], engine: Engine, language: str | None
) -> tuple[str, dict[int, Heard], tuple[str, ...]]:
    """The language of the recording: as given, else as heard in the first window of each channel."""
    notes: tuple[str, ...] = ()
    if language in engine.languages:
        return language, {}, notes
    if language is not None:
        notes = (f"The speech model does not know the language '{language}'.",)
    if not engine.is_multilingual:
        return "en", {}, notes
    heard: dict[int, Heard] = {}
    chances: dict[str, float] = defaultdict(float)
    for channel in {channel for channel, _ in packed}:
        index = next(index for index, entry in enumerate(packed) if entry[0] == channel)
        window = packed[index][1]
        heard[index] = engine.hear(window.read(signal, channel))
        for code, probability in engine.language_probabilities(heard[index]).items():
            chances[code] += probability * window.speech_seconds
    return max(chances, key=lambda code: chances[code]), heard, notes


def as_segments(channel: int, words: Sequence[Word], *, settings: TranscriptionSettings) -> list[Segment]:
    """Return the words of a channel cut at pauses and at the ends of sentences."""
    groups: list[list[Word]] = []
    for word in words:
        if groups and not _ends_before(groups[-1], word, settings):
            groups[-1].append(word)
        else:
            groups.append([word])
    return [
        Segment(
            channel=channel,
            start=group[0].start,
            end=group[-1].end,
            text="".join(f" {word.text}" if word.spaced else word.text for word in group).strip(),
            words=tuple(group),
        )
        for group in groups
    ]


def _ends_before(group: Sequence[Word], word: Word, settings: TranscriptionSettings) -> bool:
    pause = word.start - group[-1].end
    if pause >= settings.segment_pause_seconds:
        return True
    is_long = group[-1].end - group[0].start >= settings.long_segment_seconds
    return group[-1].text.endswith(_SENTENCE_ENDS) and (pause >= settings.sentence_pause_seconds or is_long)


def _notes_on(decoded: Decoded) -> tuple[str, ...]:
    notes = []
    there, declared = decoded.duration_seconds, decoded.declared_seconds
    if decoded.lost_packets:
        notes.append(f"The file is damaged: {decoded.lost_packets} of its packets could not be read.")
    if declared - there > max(_CUT_SHORT_SECONDS, _CUT_SHORT_SHARE * declared):
        notes.append(f"The file is cut short: it holds {there:.0f} of its {declared:.0f} seconds.")
    if decoded.other_tracks:
        notes.append(f"Only the first of {decoded.other_tracks + 1} audio tracks was read.")
    return tuple(notes)
