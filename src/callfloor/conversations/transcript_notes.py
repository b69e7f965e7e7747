"""Transcripts as documents: paragraphs with a speaker, and a time now and then (Meet, Teams, Zoom's text)."""

from __future__ import annotations

import dataclasses
import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from xml.parsers import expat

from callfloor.conversations.cue_files import (
    MAX_SECONDS,
    SPEAKER_LENGTH,
    UNKNOWN_SPEAKER,
    TranscriptMalformed,
    milliseconds,
    named_line,
)
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import Millis, from_datetime

MS_PER_WORD = 400
"""How long a word takes where only the beginning of a paragraph is known."""
DOCUMENT_BYTES = 16 * 1024 * 1024
_CLOCK = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})(?:[.,](\d{1,3}))?"
_TIME_ALONE = re.compile(rf"[(\[]?{_CLOCK}[)\]]?", re.ASCII)
_SPEAKER_AND_TIME = re.compile(rf"(\[?)([^\s\[].{{0,79}}?)\]?\s+{_CLOCK}", re.ASCII)
_TIME_AND_WORDS = re.compile(rf"[(\[]?{_CLOCK}[)\]]?\s+(\S.*)", re.ASCII)
_ENDED = re.compile(rf"(?:meeting|transcription|transcript) ended after {_CLOCK}.*", re.ASCII | re.IGNORECASE)
_REMARK = re.compile(r".{1,120}\b(?:started|stopped) transcription", re.IGNORECASE)
_TITLE_DATE = re.compile(
    r"\((\d{4})-(\d\d)-(\d\d)\s+(?:at\s+)?(\d\d):(\d\d)\s+(?:GMT|UTC)(?:([+-]\d{1,2})(?::?(\d\d))?)?\)", re.ASCII
)
_ZOOM_NAME = re.compile(r"GMT(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)_", re.ASCII)
_TEAMS_NAME = re.compile(r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)UTC\b", re.ASCII)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "


@dataclasses.dataclass(slots=True)
class _Turn:
    speaker: str
    start_ms: int | None
    """None where only the order is known."""
    text: str


def segments_of_notes(lines: Sequence[str]) -> list[Segment]:
    """Return what a document says; times between those it gives are estimated from the words.

    Raises:
        TranscriptMalformed: with the line.
    """
    turns, end_ms = _turns(lines)
    if not turns:
        raise TranscriptMalformed(1, "begins no transcript: send WebVTT, SRT, JSON, or what Zoom, Teams or Meet export")
    return _with_times(turns, end_ms)


def lines_of_docx(content: bytes) -> list[str]:
    """Return the paragraphs of a Word document.

    Raises:
        TranscriptMalformed: it is none that can be read; documents have no lines, so it is the first.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package, package.open("word/document.xml") as document:
            xml = document.read(DOCUMENT_BYTES + 1)
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error) as error:
        raise TranscriptMalformed(1, "begins no Word document that can be read") from error
    if len(xml) > DOCUMENT_BYTES:
        raise TranscriptMalformed(1, f"the document holds more than {DOCUMENT_BYTES} bytes of text")
    return _paragraphs(xml)


def start_in_text(lines: Sequence[str]) -> Millis | None:
    """Return when the meeting began, from a title such as `Sync (2026-11-03 at 09:30 GMT+1) - Transcript`."""
    return next((at for line in lines[:10] if (at := _title_date(line)) is not None), None)


def start_in_name(filename: str) -> Millis | None:
    """Return when the meeting began, from the name that Zoom, Teams or Meet gave the file, or None."""
    found = _ZOOM_NAME.search(filename) or _TEAMS_NAME.search(filename)
    if found is None:
        return _title_date(filename.replace("_", ":"))
    return _instant(*(int(part) for part in found.groups()))


def _title_date(text: str) -> Millis | None:
    found = _TITLE_DATE.search(text)
    if found is None:
        return None
    year, month, day, hour, minute, offset, offset_minutes = found.groups()
    shift = int(offset or 0) * 60
    shift += int(offset_minutes or 0) * (-1 if shift < 0 else 1)
    at = _instant(int(year), int(month), int(day), int(hour), int(minute))
    return None if at is None else at - shift * 60_000


def _instant(*parts: int) -> Millis | None:
    year, month, day, hour, minute, second = (*parts, 0)[:6]
    try:
        return from_datetime(datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC))
    except ValueError:
        return None


def _turns(lines: Sequence[str]) -> tuple[list[_Turn], int | None]:
    turns: list[_Turn] = []
    end_ms: int | None = None
    speaker: str | None = None
    time_ms: int | None = None
    begin = next((at for at, line in enumerate(lines) if _begins(line.strip())), 0)
    wall_clock: int | None = None
    for number, raw in enumerate(lines[begin:], begin + 1):
        line = raw.strip()
        if not line or _REMARK.fullmatch(line):
            continue
        if ended := _ENDED.fullmatch(line):
            end_ms = _time(ended.groups(), number)
            break
        if alone := _TIME_ALONE.fullmatch(line):
            time_ms, speaker = _time(alone.groups(), number), None
            continue
        if header := _SPEAKER_AND_TIME.fullmatch(line):
            bracket, name, *clock = header.groups()
            speaker, time_ms = name.strip().rstrip(":"), _time(clock, number)
            if bracket:  # Zoom's text tells the time of day
                wall_clock = time_ms if wall_clock is None else wall_clock
                time_ms = max(0, time_ms - wall_clock)
            continue
        if timed := _TIME_AND_WORDS.fullmatch(line):
            *clock, line = timed.groups()
            time_ms, speaker = _time(clock, number), None
        named = named_line(line)
        if speaker is None and named is not None:
            turns.append(_Turn(named[0][:SPEAKER_LENGTH], time_ms, named[1]))
        elif speaker is not None or time_ms is not None or turns:
            _go_on(turns, speaker, time_ms, line)
        time_ms = None
    return turns, end_ms


def _go_on(turns: list[_Turn], speaker: str | None, time_ms: int | None, line: str) -> None:
    """Add a paragraph without a name of its own: it is of who speaks."""
    if turns and time_ms is None and speaker in (None, turns[-1].speaker):
        turns[-1].text += f" {line}"
    else:
        said_by = speaker or (turns[-1].speaker if turns else UNKNOWN_SPEAKER)
        turns.append(_Turn(said_by[:SPEAKER_LENGTH], time_ms, line))


def _begins(line: str) -> bool:
    """Return whether what is said begins here: all above is a title and a list of who was there."""
    patterns = (_TIME_ALONE, _SPEAKER_AND_TIME, _TIME_AND_WORDS)
    return any(pattern.fullmatch(line) for pattern in patterns)


def _time(parts: Sequence[str | None], number: int) -> int:
    hours, minutes, seconds, fraction = parts
    ms = milliseconds(hours, minutes or "0", seconds or "0", fraction)
    if ms > MAX_SECONDS * 1000:
        raise TranscriptMalformed(number, "the time is later than a week after the beginning")
    return ms


def _with_times(turns: Sequence[_Turn], end_ms: int | None) -> list[Segment]:
    segments: list[Segment] = []
    anchors = [at for at, turn in enumerate(turns) if turn.start_ms is not None and at] + [len(turns)]
    begin, start_ms = 0, turns[0].start_ms or 0
    for anchor in anchors:
        until = turns[anchor].start_ms if anchor < len(turns) else end_ms
        segments += _spread(turns[begin:anchor], start_ms, until)
        begin = anchor
        start_ms = max(start_ms, until or 0)
    return segments


def _spread(turns: Sequence[_Turn], start_ms: int, until_ms: int | None) -> list[Segment]:
    lengths = [MS_PER_WORD * len(turn.text.split()) for turn in turns]
    room = sum(lengths) if until_ms is None else min(sum(lengths), max(0, until_ms - start_ms))
    segments, done = list[Segment](), 0
    for turn, length in zip(turns, lengths, strict=True):
        begin_ms = start_ms + round(room * done / sum(lengths))
        done += length
        end_ms = start_ms + round(room * done / sum(lengths))
        segments.append(Segment(turn.speaker, begin_ms, end_ms, " ".join(turn.text.split())))
    return segments


def _paragraphs(xml: bytes) -> list[str]:
    lines: list[str] = []
    inside: list[str] = []
    text: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        inside.append(name)
        if name in (f"{_WORD}br", f"{_WORD}cr"):
            text.append("\n")
        elif name == f"{_WORD}tab":
            text.append(" ")

    def end(name: str) -> None:
        inside.pop()
        if name == f"{_WORD}p":
            lines.extend("".join(text).split("\n"))
            text.clear()

    def data(piece: str) -> None:
        if inside and inside[-1] == f"{_WORD}t":
            text.append(piece)

    def refuse(*_: object) -> None:
        raise TranscriptMalformed(1, "begins a document with a type of its own, which none of Word has")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = data, refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise TranscriptMalformed(1, "begins a Word document whose text is damaged") from error
    return lines
