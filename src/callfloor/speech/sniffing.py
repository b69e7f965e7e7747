"""Names the container of a recording by its first bytes, so that a foreign file is refused at once."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 8192
"""How much of the beginning ``sniff`` wants to see."""

_EXACT: Final = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"#!AMR\n", "amr"),
    (b"#!AMR-WB\n", "amr"),
    (b"caff", "caf"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "w64"),
    (b"ADIF", "aac"),
)
_MP4_BOXES: Final = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"))
_MPEG1_LAYER3_KBPS: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_LAYER3_KBPS: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG_RATES_HZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def sniff(head: bytes) -> str | None:
    """Return the container's name, or None when these bytes begin no recording that we read.

    Args:
        head: the first bytes of the file, ``HEAD_BYTES`` when it has so many.
    """
    for magic, name in _EXACT:
        if head.startswith(magic):
            return name
    form = head[8:12]
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and form == b"WAVE":
        return "rf64" if head[:4] in (b"RF64", b"BW64") else "wav"
    if head[:4] == b"FORM" and form in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] in _MP4_BOXES:
        return "m4a" if form.startswith(b"M4A") else "mp4"
    return _sniff_frames(head)


def wav_seconds_share(head: bytes, file_bytes: int) -> float:
    """Return how much of the sound that a WAV file announces is in it, 0..1; 1.0 when that cannot be told."""
    at = 12
    while head[:4] == b"RIFF" and at + 8 <= len(head):
        size = int.from_bytes(head[at + 4 : at + 8], "little")
        if head[at : at + 4] == b"data":
            # A program that streams does not know the size yet, and writes the largest or nothing.
            is_known = 0 < size < 0x7FFF_0000
            return min(1.0, (file_bytes - at - 8) / size) if is_known else 1.0
        at += 8 + size + size % 2
    return 1.0


def _sniff_frames(head: bytes) -> str | None:
    """Formats without a header of their own: an ID3 tag, or two frames that follow each other."""
    if head.startswith(b"ID3"):
        tag_end = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
        return "aac" if _adts_bytes(head, tag_end) else "mp3"
    start = len(head) - len(head.lstrip(b"\0"))
    for name, frame_bytes in (("aac", _adts_bytes), ("mp3", _mp3_bytes)):
        size = frame_bytes(head, start)
        if size and (start + size + 6 > len(head) or frame_bytes(head, start + size)):
            return name
    return None


def _adts_bytes(data: bytes, at: int) -> int:
    """Size of the ADTS frame at this place, 0 when there is none."""
    frame = data[at : at + 6]
    if len(frame) < 6 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0 or (frame[2] >> 2) & 0xF > 12:
        return 0
    size = (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5
    return size if size > 7 else 0


def _mp3_bytes(data: bytes, at: int) -> int:
    """Size of the MPEG layer III frame at this place, 0 when there is none."""
    frame = data[at : at + 4]
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0
    version = (frame[1] >> 3) & 3
    kbps_index, rate_index, padding = frame[2] >> 4, (frame[2] >> 2) & 3, (frame[2] >> 1) & 1
    if version == 1 or not 0 < kbps_index < 15 or rate_index == 3:
        return 0
    table, per_frame = (_MPEG1_LAYER3_KBPS, 144) if version == 3 else (_MPEG2_LAYER3_KBPS, 72)
    return per_frame * table[kbps_index] * 1000 // _MPEG_RATES_HZ[version][rate_index] + padding
