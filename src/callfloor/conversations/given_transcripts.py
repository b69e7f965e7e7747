"""A transcript that somebody else made, whatever form it comes in: WebVTT, SRT, a document, or plain text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from callfloor.conversations.cue_files import TranscriptMalformed, segments_of_cues, segments_of_vtt
from callfloor.conversations.transcript_notes import lines_of_docx, segments_of_notes, start_in_text
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import Millis

_ZIP = b"PK\x03\x04"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ARROW = "-->"
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclasses.dataclass(frozen=True, slots=True)
class GivenTranscript:
    """What was said, in order of its start."""

    segments: Sequence[Segment]
    began_at: Millis | None = None
    """When the conversation began, where the file tells."""
    file_name: str | None = None
    """What the file was called, where it was one."""
    has_exact_times: bool = True
    """False where some of the times are estimated from the words."""


def read_transcript(content: bytes) -> GivenTranscript:
    """Return what a file of a transcript says; its form is known by its content.

    Raises:
        TranscriptMalformed: with the line.
    """
    is_document = content.startswith(_ZIP)
    lines = lines_of_docx(content) if is_document else _LINE_END.split(_text(content))
    begun = next((at for at, line in enumerate(lines) if line.strip()), None)
    if begun is None:
        raise TranscriptMalformed(1, "the transcript is empty")
    if not is_document and lines[begun].split()[0] == "WEBVTT":
        return GivenTranscript(segments_of_vtt(lines[begun:] if begun == 0 else ["", *lines]))
    if is_document and any(_ARROW in line for line in lines):
        first = next(at for at, line in enumerate(lines) if _ARROW in line)
        return GivenTranscript(segments_of_cues(_apart(lines), first, speaker_first=True), start_in_text(lines))
    if any(_ARROW in line for line in lines[begun : begun + 3]) or lines[begun].strip().isdigit():
        return GivenTranscript(segments_of_cues(lines, begun))
    return GivenTranscript(segments_of_notes(lines), start_in_text(lines), has_exact_times=False)


def _apart(lines: Sequence[str]) -> list[str]:
    """Return the paragraphs with nothing empty in them: the times alone say where a cue begins."""
    return [line for line in lines if line.strip()]


def _text(content: bytes) -> str:
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise TranscriptMalformed(content.count(b"\n", 0, error.start) + 1, "is no UTF-8 text") from None
    nul = text.find("\x00")
    if nul >= 0:
        raise TranscriptMalformed(text.count("\n", 0, nul) + 1, "holds a NUL character")
    return text
