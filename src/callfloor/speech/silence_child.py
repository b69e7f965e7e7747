"""The limited child process that writes a recording anew with parts of it silent, in a form like its own.

Run as ``python -m callfloor.speech.silence_child``; it speaks as ``decode_child`` does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
import av.error
import numpy as np

from callfloor.speech.decode_child import CONTAINER_OPTIONS, Reader, run
from callfloor.speech.errors import AudioRejected
from callfloor.speech.sniffing import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMS: Final = {
    "wav": ("wav", "wav", "pcm_s16le"),
    "flac": ("flac", "flac", "flac"),
    "mp3": ("mp3", "mp3", "libmp3lame"),
    "m4a": ("m4a", "ipod", "aac"),
    "aac": ("aac", "adts", "aac"),
    "mp4": ("mp4", "mp4", "aac"),
    "ogg": ("ogg", "ogg", "libopus"),
    "webm": ("webm", "webm", "libopus"),
}
"""By the container's name as `sniff` gives it: the name of what is written, and FFmpeg's format and codec."""
_LOSSLESS: Final = _FORMS["flac"]
_KEPT_CODECS: Final = frozenset(("pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"))
_WITH_PICTURES: Final = frozenset(("mp4", "webm"))
_PICTURE_CODECS: Final = "h264,hevc,mpeg4,vp8,vp9,av1,libdav1d"
# A decoder is asked for the size of the pictures, no more.
_OPTIONS: Final = CONTAINER_OPTIONS | {"codec_whitelist": f"{CONTAINER_OPTIONS['codec_whitelist']},{_PICTURE_CODECS}"}
_OPUS_RATE_HZ: Final = 48_000
_MP3_HIGHEST_HZ: Final = 48_000


def silence_here(
    source: Path, into: Path, *, spans: Sequence[tuple[float, float]], max_duration_seconds: float, max_channels: int
) -> dict[str, Any]:
    """Write the recording to ``into`` with ``spans`` (in seconds) silent; use ``decoding.silence``.

    Pictures are copied as they are where the form can hold them, other tracks are left out.

    Raises:
        AudioRejected: unreadable, no_audio_stream, too_many_channels, too_long.
    """
    with source.open("rb") as file:
        container_name = sniff(file.read(HEAD_BYTES))
        if container_name is None:
            raise AudioRejected("unreadable")
        file.seek(0)
        name, form, codec = _FORMS.get(container_name, _LOSSLESS)
        try:
            with (
                av.open(file, "r", container_options=dict(_OPTIONS), metadata_errors="ignore") as original,
                av.open(str(into), "w", format=form) as copy,
            ):
                sound = _Sound(original, max_duration_seconds, max_channels, spans)
                _write(original, copy, sound, codec=codec, has_pictures=name in _WITH_PICTURES)
        except (av.error.FFmpegError, ValueError) as fault:
            raise AudioRejected("unreadable") from fault
    return {"container": name, "seconds": sound.seconds}


class _Sound:
    """The first audio track, with the spans silent by its own clock and by what was heard before."""

    def __init__(
        self,
        original: av.container.InputContainer,
        max_seconds: float,
        max_channels: int,
        spans: Sequence[tuple[float, float]],
    ) -> None:
        if not original.streams.audio:
            raise AudioRejected("no_audio_stream")
        self.stream = original.streams.audio[0]
        if self.stream.codec_context.channels > max_channels:
            raise AudioRejected("too_many_channels")
        self._max_seconds = max_seconds
        self._spans = spans
        self._begin: float | None = None
        self.seconds = 0.0
        self.reader = Reader(original, self.stream)

    def silenced(self, frame: av.AudioFrame) -> av.AudioFrame:
        at = self.seconds
        self.seconds += frame.samples / frame.sample_rate
        if self.seconds > self._max_seconds:
            raise AudioRejected("too_long")
        clock = at
        if frame.time is not None:
            self._begin = frame.time if self._begin is None else self._begin
            clock = frame.time - self._begin
        hidden = np.zeros(frame.samples, dtype=np.bool_)
        for begin in (at, clock):
            for start, end in self._spans:
                first, last = (round((edge - begin) * frame.sample_rate) for edge in (start, end))
                hidden[max(0, first) : max(0, last)] = True
        return _zeroed(frame, hidden) if hidden.any() else frame


def _zeroed(frame: av.AudioFrame, hidden: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> av.AudioFrame:
    wave = frame.to_ndarray().copy()
    silence = 128 if frame.format.name in ("u8", "u8p") else 0
    # A packed frame is one row, its channels side by side.
    wave[:, hidden if frame.format.is_planar else np.repeat(hidden, wave.shape[1] // len(hidden))] = silence
    silent = av.AudioFrame.from_ndarray(wave, format=frame.format.name, layout=frame.layout.name)
    silent.sample_rate, silent.pts, silent.time_base = frame.sample_rate, frame.pts, frame.time_base
    return silent


def _write(
    original: av.container.InputContainer,
    copy: av.container.OutputContainer,
    sound: _Sound,
    *,
    codec: str,
    has_pictures: bool,
) -> None:
    codec_context = sound.stream.codec_context
    if codec == "pcm_s16le" and codec_context.name in _KEPT_CODECS:
        codec = codec_context.name
    rate_hz = _OPUS_RATE_HZ if codec == "libopus" else codec_context.sample_rate
    written = copy.add_stream(codec, rate=min(rate_hz, _MP3_HIGHEST_HZ) if codec == "libmp3lame" else rate_hz)
    assert isinstance(written, av.AudioStream)  # noqa: S101  # what its codec makes it
    written.codec_context.layout = codec_context.layout
    films = [one for one in original.streams.video if one.codec_context.width] if has_pictures else []
    pictures = films[0] if films else None
    film = None if pictures is None else copy.add_stream_from_template(pictures)
    streams = [sound.stream] if pictures is None else [sound.stream, pictures]
    for packet in sound.reader.packets(*streams):
        if packet.stream is sound.stream:
            for frame in sound.reader.frames_of(packet):
                silent = sound.silenced(frame)
                if film is None:
                    silent.pts = None  # sound alone has no clock but its samples
                copy.mux(written.encode(silent))
        elif film is not None and packet.dts is not None:
            packet.stream = film
            copy.mux(packet)
    copy.mux(written.encode(None))
    if sound.seconds == 0 or sound.reader.lost_packets > sound.reader.good_packets:
        raise AudioRejected("unreadable")


def _silence(task: dict[str, Any]) -> dict[str, Any]:
    return silence_here(Path(task["source"]), Path(task["into"]), spans=task["spans"], **task["caps"])


if __name__ == "__main__":
    sys.exit(run(_silence))
