"""WebVTT and SRT files, as Zoom, Teams, Meet and telephony products export them: cues with times and speakers."""

from __future__ import annotations

import dataclasses
import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from callfloor.conversations.transcripts import Segment

UNKNOWN_SPEAKER = "Speaker"
MAX_SECONDS = 604_800
"""A week, as long as any transcript may be."""
SPEAKER_LENGTH = 255
_NAME_WORDS = 6
_ARROW = "-->"
_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,6}))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?", re.ASCII)
_NAMED = re.compile(r"\s*(?:-\s*)?([^\s:<>][^:<>\n]{0,79}?)\s*:\s+(\S.*)")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?(?:\s+([^>]*))?>")
_TAG = re.compile(r"</?[a-z0-9.:][^>]*>|</?>", re.IGNORECASE)
_SKIPPED_BLOCKS = ("NOTE", "STYLE", "REGION")
_EXAMPLE = "such as 00:00:01.000 --> 00:00:02.500"


class TranscriptMalformed(ValueError):
    """The file is none of its format; the message names the line, counted from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line


@dataclasses.dataclass(frozen=True, slots=True)
class _Cue:
    start_ms: int
    end_ms: int
    lines: Sequence[str]


def segments_of_vtt(lines: Sequence[str]) -> list[Segment]:
    """Return what a WebVTT file says.

    Raises:
        TranscriptMalformed: with the line.
    """
    at = 1
    while at < len(lines) and lines[at].strip() and _ARROW not in lines[at]:
        at += 1  # the header ends at an empty line, or where a program forgot it
    return segments_of_cues(lines, at)


def segments_of_cues(lines: Sequence[str], begin: int = 0, *, speaker_first: bool = False) -> list[Segment]:
    """Return what blocks of a number or name, a line of times and lines of text say: SRT, and WebVTT's body.

    Args:
        lines: of the whole file.
        begin: index of the first line that may belong to a cue.
        speaker_first: a cue's first line of several names who speaks.

    Raises:
        TranscriptMalformed: with the line.
    """
    cues = list(_cues(lines, begin))
    if not cues:
        raise TranscriptMalformed(max(1, len(lines)), f"the file ends without a cue, {_EXAMPLE}")
    names = Counter[str]() if speaker_first else _names_in(cues)
    segments = [segment for cue in cues for segment in _segments(cue, names, speaker_first=speaker_first)]
    return sorted(segments, key=lambda segment: segment.start_ms)


def milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> int:
    """Return a time of day or of a file in ms."""
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole * 1000 + round(float(f"0.{fraction or 0}") * 1000)


def named_line(line: str) -> tuple[str, str] | None:
    """Return the speaker and the words of a line `Name: words`, or None when it begins with no name."""
    found = _NAMED.fullmatch(line)
    if found is None or len(found[1].split()) > _NAME_WORDS or found[1].endswith((".", "?", "!", ",")):
        return None
    return found[1], found[2]


def plain(text: str) -> str:
    """Return a cue's text without markup."""
    return " ".join(html.unescape(_TAG.sub("", text)).split())


def _cues(lines: Sequence[str], begin: int) -> Iterator[_Cue]:
    at = begin
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        end = _end_of_block(lines, at)
        if lines[at].split(maxsplit=1)[0].upper() not in _SKIPPED_BLOCKS or _ARROW in lines[at]:
            timed = _timed_line(lines, at, end)
            start_ms, end_ms = _times(lines[timed], timed + 1)
            yield _Cue(start_ms, end_ms, lines[timed + 1 : end])
        at = end


def _end_of_block(lines: Sequence[str], at: int) -> int:
    end, timed = at, 0
    while end < len(lines) and lines[end].strip():
        timed += _ARROW in lines[end]
        if timed == 2:  # no empty line between two cues: the second's number, if it has one, is its own
            return end - 1 if lines[end - 1].strip().isdigit() and end - 1 > at else end
        end += 1
    return end


def _timed_line(lines: Sequence[str], at: int, end: int) -> int:
    if _ARROW in lines[at]:
        return at
    if at + 1 < end and _ARROW in lines[at + 1]:
        return at + 1
    raise TranscriptMalformed(at + 1, f"neither it nor the next one holds the times of a cue, {_EXAMPLE}")


def _times(line: str, number: int) -> tuple[int, int]:
    found = _TIMES.fullmatch(line)
    if found is None:
        raise TranscriptMalformed(number, f"{line.strip()[:80]!r} are no times of a cue, {_EXAMPLE}")
    parts = found.groups()
    start_ms, end_ms = milliseconds(*parts[:4]), milliseconds(*parts[4:])
    if end_ms < start_ms:
        raise TranscriptMalformed(number, "the cue ends before it starts")
    if end_ms > MAX_SECONDS * 1000:
        raise TranscriptMalformed(number, "the cue ends after more than a week")
    return start_ms, end_ms


def _names_in(cues: Sequence[_Cue]) -> Counter[str]:
    """Return what stands before a colon often enough to be names, and not once in what is said."""
    found = [named for cue in cues for line in cue.lines if (named := named_line(plain(line))) is not None]
    counted = Counter(name for name, _ in found)
    if 2 * len(found) >= len(cues):
        return counted
    return Counter({name: count for name, count in counted.items() if count > 1})


def _segments(cue: _Cue, names: Counter[str], *, speaker_first: bool) -> list[Segment]:
    turns = _turns(cue, names, speaker_first=speaker_first)
    total = sum(len(text) for _, text in turns)
    segments, said, start_ms = list[Segment](), 0, cue.start_ms
    for speaker, text in turns:  # several in one cue share its time by how much they say
        said += len(text)
        end_ms = cue.start_ms + round((cue.end_ms - cue.start_ms) * said / total)
        segments.append(Segment(speaker[:SPEAKER_LENGTH], start_ms, end_ms, text))
        start_ms = end_ms
    return segments


def _turns(cue: _Cue, names: Counter[str], *, speaker_first: bool) -> list[tuple[str, str]]:
    text = "\n".join(cue.lines)
    if _VOICE.search(text):
        before, *voiced = _VOICE.split(text)
        pairs = [(UNKNOWN_SPEAKER, before), *zip(voiced[::2], voiced[1::2], strict=True)]
        return _said((plain(name or "") or UNKNOWN_SPEAKER, part) for name, part in pairs)
    if speaker_first and len(cue.lines) > 1:
        return _said([(plain(cue.lines[0]) or UNKNOWN_SPEAKER, "\n".join(cue.lines[1:]))])
    turns: list[tuple[str, str]] = []
    for line in cue.lines:
        named = named_line(plain(line))
        if named is not None and named[0] in names:
            turns.append(named)
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]}\n{line}")
        else:
            turns.append((UNKNOWN_SPEAKER, line))
    return _said(turns)


def _said(turns: Sequence[tuple[str, str]] | Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(speaker, words) for speaker, text in turns if (words := plain(text))]
