"""The limited child process that reads one recording and writes 16 kHz, 16 bit files, one a channel.

Run as ``python -m callfloor.speech.decode_child`` with one JSON argument. It says one JSON object a line on stdout:
any number of ``progress``, then one ``decoded`` or ``rejected``. It ends when its standard input is closed, so that it
never outlives its parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

import av
import av.error
import av.logging

from callfloor.speech.errors import AudioRejected
from callfloor.speech.sniffing import HEAD_BYTES, sniff, wav_seconds_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLE_RATE_HZ: Final = 16_000
_SECONDS_BETWEEN_PROGRESS: Final = 0.25
_MAX_DEMUX_FAULTS: Final = 64
_LEAST_SHARE: Final = 1e-3
# FFmpeg chooses the demuxer by content: without these lists a text file named .wav makes it open other files.
CONTAINER_OPTIONS: Final = {
    "format_whitelist": "wav,w64,mp3,ogg,flac,mov,mp4,m4a,matroska,webm,aac,amr,aiff,caf",
    "protocol_whitelist": "file,pipe",
    # Spares the decoders of pictures and films, which a container may also hold.
    "codec_whitelist": (
        "pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
        "pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,adpcm_ima_wav,adpcm_ms,adpcm_ima_qt,"
        "g722,g726,g726le,g723_1,g729,gsm,gsm_ms,amrnb,amrwb,speex,"
        "mp3,mp3float,mp2,mp2float,mp1,mp1float,aac,aac_latm,alac,opus,libopus,vorbis,flac"
    ),
}


class ChannelFiles:
    """The decoded channels on disk, at most so many samples each."""

    def __init__(self, folder: Path, *, max_samples: int, max_channels: int) -> None:
        self._folder = folder
        self._max_samples = max_samples
        self._max_channels = max_channels
        self._files: list[BinaryIO] = []
        self.samples = 0

    @property
    def names(self) -> list[str]:
        return [Path(file.name).name for file in self._files]

    def append(self, frame: av.AudioFrame) -> None:
        if not self._files:
            if len(frame.planes) > self._max_channels:
                raise AudioRejected("too_many_channels")
            self._files = [(self._folder / f"channel{index}.s16").open("wb") for index in range(len(frame.planes))]
        if len(frame.planes) != len(self._files):
            raise AudioRejected("unreadable", "The number of channels changes in the middle of the recording.")
        size = frame.samples * 2
        for file, plane in zip(self._files, frame.planes, strict=True):
            file.write(memoryview(plane)[:size])
        self.samples += frame.samples
        if self.samples > self._max_samples:
            raise AudioRejected("too_long")

    def close(self) -> None:
        for file in self._files:
            file.close()


class Resampler:
    """To 16 kHz planar samples; keeps the channels as they are, since a remix would blend the two parties."""

    def __init__(self) -> None:
        self._form: tuple[str, str, int] | None = None
        self._inner = av.AudioResampler()

    def resample(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            yield from self.flush()
            self._inner = av.AudioResampler(format="s16p", layout=frame.layout, rate=SAMPLE_RATE_HZ)
            self._form = form
        frame.pts = None
        yield from self._inner.resample(frame)

    def flush(self) -> Iterator[av.AudioFrame]:
        if self._form is not None:
            yield from self._inner.resample(None)


class Reader:
    """Reads packet after packet and goes on after broken ones."""

    def __init__(self, container: av.container.InputContainer, stream: av.AudioStream) -> None:
        self._container = container
        self._stream = stream
        self.lost_packets = 0
        self.good_packets = 0

    def frames(self) -> Iterator[av.AudioFrame]:
        for packet in self.packets(self._stream):
            yield from self.frames_of(packet)

    def packets(self, *streams: av.AudioStream | av.VideoStream) -> Iterator[av.Packet[Any]]:
        faults = 0
        while faults < _MAX_DEMUX_FAULTS:
            try:
                yield from self._container.demux(*streams)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                # The demuxer itself stumbled: it stands behind the broken place now.
                faults += 1
                self.lost_packets += 1
            else:
                return

    def frames_of(self, packet: av.Packet[Any]) -> list[av.AudioFrame]:
        try:
            frames = self._stream.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self.lost_packets += 1
            return []
        self.good_packets += 1
        return frames


def decode_here(source: Path, into: Path, *, max_duration_seconds: float, max_channels: int) -> dict[str, Any]:
    """Decode in this process; use ``decoding.decode``, which does it in a limited one.

    Raises:
        AudioRejected: unreadable, no_audio_stream, too_many_channels, too_long.
    """
    with source.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if sniff(head) is None:
            raise AudioRejected("unreadable")
        file.seek(0)
        try:
            container = av.open(file, "r", container_options=dict(CONTAINER_OPTIONS), metadata_errors="ignore")
        except (av.error.FFmpegError, ValueError) as fault:
            raise AudioRejected("unreadable") from fault
        with container:
            result = _decode_container(
                container, into, max_samples=int(max_duration_seconds * SAMPLE_RATE_HZ), max_channels=max_channels
            )
        # FFmpeg corrects a WAV header by the file's size, and hides that it was cut.
        share = max(wav_seconds_share(head, source.stat().st_size), _LEAST_SHARE)
        result["declared_seconds"] = max(result["declared_seconds"], result["samples"] / SAMPLE_RATE_HZ / share)
        return result


def _decode_container(
    container: av.container.InputContainer, into: Path, *, max_samples: int, max_channels: int
) -> dict[str, Any]:
    if not container.streams.audio:
        raise AudioRejected("no_audio_stream")
    stream = container.streams.audio[0]
    codec = stream.codec_context
    if codec.channels > max_channels:
        raise AudioRejected("too_many_channels")
    declared_seconds = (container.duration or 0) / av.time_base
    channels = ChannelFiles(into, max_samples=max_samples, max_channels=max_channels)
    reader, resampler, said_at = Reader(container, stream), Resampler(), 0.0
    with contextlib.closing(channels):
        for frame in reader.frames():
            for part in resampler.resample(frame):
                channels.append(part)
            if time.monotonic() - said_at > _SECONDS_BETWEEN_PROGRESS:
                said_at = time.monotonic()
                _say("progress", seconds=channels.samples / SAMPLE_RATE_HZ, declared_seconds=declared_seconds)
        for part in resampler.flush():
            channels.append(part)
    if channels.samples == 0 or reader.lost_packets > reader.good_packets:
        raise AudioRejected("unreadable")
    return {
        "samples": channels.samples,
        "files": channels.names,
        "source_rate_hz": codec.sample_rate,
        "codec": codec.name,
        "container": container.format.name,
        "lost_packets": reader.lost_packets,
        "declared_seconds": declared_seconds,
        "other_tracks": len(container.streams.audio) - 1,
    }


def _say(kind: str, **content: object) -> None:
    sys.stdout.write(json.dumps({"kind": kind, **content}) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    def wait() -> NoReturn:
        while os.read(0, 1):
            pass
        os._exit(3)

    threading.Thread(target=wait, daemon=True).start()


def _limit(*, memory_bytes: int, cpu_seconds: int, file_bytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  the module is absent on Windows

    for which, soft, hard in (
        # At the hard limit the kernel kills like anybody else could; at the soft one it says why.
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 5),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
    ):
        # Darwin refuses RLIMIT_AS: the other limits still hold there.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (soft, hard))


def run(work: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Do the one task of this process, whose program it is, within its limits, and say what came of it."""
    task = json.loads(sys.argv[1])
    _end_with_parent()
    _limit(**task["limits"])
    av.logging.set_level(av.logging.PANIC)
    try:
        result = work(task)
    except AudioRejected as rejection:
        _say("rejected", code=rejection.code, reason=rejection.reason)
    except MemoryError:
        _say("rejected", code="decoder_limit", reason=None)
    else:
        _say("decoded", **result)
    return 0


def _decode(task: dict[str, Any]) -> dict[str, Any]:
    return decode_here(Path(task["source"]), Path(task["into"]), **task["caps"])


if __name__ == "__main__":
    sys.exit(run(_decode))
