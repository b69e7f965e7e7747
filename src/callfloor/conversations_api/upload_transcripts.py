"""The field `transcript` of an upload: JSON segments, or a file as somebody else's product exported it."""

from __future__ import annotations

import re

import msgspec

from callfloor.conversations.given_transcripts import GivenTranscript, read_transcript
from callfloor.conversations.transcripts import Segment
from callfloor.conversations_api import wire

SEGMENTS_LIMIT = 50_000
_JSON = re.compile(rb"\s*\[\s*[{\]]")
_DECODER = msgspec.json.Decoder(list[wire.Segment])


def transcript_of_file(content: bytes) -> GivenTranscript | None:
    """Return what a part of a form says, by its content: JSON, WebVTT, SRT, a document; None when it is empty.

    Raises:
        ValueError: it is malformed; the message names the line, or the place in the JSON.
    """
    if not content.strip():
        return None
    if _JSON.match(content):
        return _of_segments(_DECODER.decode(content))
    return _bounded(read_transcript(content))


def transcript_of_value(value: object) -> GivenTranscript | None:
    """Return what the field of a JSON body, or one that was read before, says. Raises as `transcript_of_file`."""
    if isinstance(value, GivenTranscript):
        return value
    if isinstance(value, str):
        return transcript_of_file(value.encode("utf-8", "surrogatepass"))
    return _of_segments(msgspec.convert(value, list[wire.Segment]))


def _of_segments(given: list[wire.Segment]) -> GivenTranscript | None:
    if not given:
        return None
    segments = (_segment(at, segment) for at, segment in enumerate(given))
    return _bounded(GivenTranscript(sorted(segments, key=lambda s: s.start_ms)))


def _bounded(given: GivenTranscript) -> GivenTranscript:
    if len(given.segments) > SEGMENTS_LIMIT:
        raise ValueError(f"may hold at most {SEGMENTS_LIMIT} segments")
    return given


def _segment(at: int, given: wire.Segment) -> Segment:
    if given.end < given.start or any(w.end < w.start for w in given.words or ()):
        raise ValueError(f"number {at}: ends before it starts")
    if "\x00" in given.text or "\x00" in given.speaker or any("\x00" in w.text for w in given.words or ()):
        raise ValueError(f"number {at}: holds a NUL character")
    words = None if given.words is None else [(w.text, _ms(w.start), _ms(w.end)) for w in given.words]
    return Segment(
        given.speaker.strip() or "Speaker", _ms(given.start), _ms(given.end), given.text.strip(), None, words
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
