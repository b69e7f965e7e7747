"""Turns any recording into 16 kHz, 16 bit files, one a channel; a limited child does the reading."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from callfloor.speech.errors import AudioRejected, DecoderFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SAMPLE_RATE_HZ: Final = 16_000
BLOCK_SAMPLES: Final = 30 * SAMPLE_RATE_HZ
_FULL_SCALE: Final = 32768.0
_FLOOR_DBFS: Final = -120.0
_SECONDS_BETWEEN_CALLS: Final = 0.5
# A limit was met, or the decoder crashed; any other signal came from outside, and trying again may help.
_SIGNALS_OF_THE_RECORDING: Final = frozenset(
    int(getattr(signal, name))
    for name in ("SIGXCPU", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
    if hasattr(signal, name)
)
_SECONDS_TO_END: Final = 10.0
_REPORTED_BYTES: Final = 2000
_INHERITED: Final = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What a recording may cost and must hold.

    Attributes:
        silence_peak_dbfs: a channel whose loudest sample is below this is silent; a quantization step is -90 dBFS.
        wall_seconds: the child is killed after this, whatever it does.
    """

    max_duration_seconds: float = 6 * 3600.0
    min_duration_seconds: float = 0.5
    max_channels: int = 2
    silence_peak_dbfs: float = -60.0
    memory_bytes: int = 1 << 30
    cpu_seconds: int = 1800
    wall_seconds: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One decoded channel: raw native 16 bit samples at 16 kHz, levels in dB below full scale (at least -120)."""

    path: Path
    peak_dbfs: float
    rms_dbfs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A recording on disk, and what it was."""

    duration_seconds: float
    channels: tuple[Channel, ...]
    source_rate_hz: int
    codec: str
    container: str
    lost_packets: int
    declared_seconds: float
    other_tracks: int


def decode(
    source: Path,
    into: Path,
    *,
    limits: DecodeLimits,
    on_progress: Callable[[float, float], None] = lambda done, total: None,
) -> Decoded:
    """Decode ``source`` into files below the folder ``into``.

    Args:
        source: a local file.
        into: an existing folder of the caller's; the caller removes it.
        limits: caps; the child process is held to them.
        on_progress: told seconds done and seconds expected (0.0 unknown) about twice a second; what it raises ends
            the child and comes out here.

    Raises:
        AudioRejected: the recording is at fault, see ``errors.REASONS``.
        DecoderFailed: this machine is at fault, a full disk for example.
    """
    if source.stat().st_size == 0:
        raise AudioRejected("unreadable", "The file is empty.")
    task = _task(source, into, limits, file_bytes=_channel_bytes(limits))
    answer = _run_child("decode_child", task, into.resolve(), limits=limits, on_progress=on_progress)
    duration_seconds = answer["samples"] / SAMPLE_RATE_HZ
    if duration_seconds < limits.min_duration_seconds:
        raise AudioRejected("too_short")
    channels = tuple(_measured(into / name) for name in answer["files"])
    if all(channel.peak_dbfs < limits.silence_peak_dbfs for channel in channels):
        raise AudioRejected("silent")
    return Decoded(
        duration_seconds=duration_seconds,
        channels=channels,
        **{
            key: answer[key]
            for key in ("source_rate_hz", "codec", "container", "lost_packets", "declared_seconds", "other_tracks")
        },
    )


def silence(source: Path, into: Path, spans: Sequence[tuple[float, float]], *, limits: DecodeLimits) -> str:
    """Write ``source`` to the file ``into`` with ``spans`` (in seconds) silent; return its container's name.

    Raises:
        AudioRejected, DecoderFailed: as ``decode``.
    """
    file_bytes = 4 * source.stat().st_size + _channel_bytes(limits) * limits.max_channels
    task = _task(source, into, limits, file_bytes=file_bytes) | {"spans": list(spans)}
    answer = _run_child(
        "silence_child", task, into.parent.resolve(), limits=limits, on_progress=lambda done, total: None
    )
    return str(answer["container"])


def open_samples(channel: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return the samples of a decoded channel, mapped from disk: shape (samples,), nothing is read yet."""
    return np.memmap(channel, dtype=np.int16, mode="r")


def blocks(
    samples: np.ndarray[tuple[int], np.dtype[np.int16]], size: int = BLOCK_SAMPLES
) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int16]]]:
    """Yield ``samples`` in pieces of ``size``, the last one shorter."""
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def as_dbfs(amplitude: float) -> float:
    """Return an amplitude in sample steps as dB below full scale, at least -120."""
    return max(_FLOOR_DBFS, 20 * float(np.log10(max(amplitude, 1e-9) / _FULL_SCALE)))


def _measured(path: Path) -> Channel:
    samples = open_samples(path)
    peak, energy = 0, 0.0
    for block in blocks(samples):
        wide = block.astype(np.float32)
        peak = max(peak, int(np.abs(wide).max()))
        energy += float(np.dot(wide, wide))
    return Channel(path=path, peak_dbfs=as_dbfs(peak), rms_dbfs=as_dbfs((energy / len(samples)) ** 0.5))


def _channel_bytes(limits: DecodeLimits) -> int:
    # A minute above the cap, so that it is the cap that speaks.
    return int((limits.max_duration_seconds + 60) * SAMPLE_RATE_HZ * 2)


def _task(source: Path, into: Path, limits: DecodeLimits, *, file_bytes: int) -> dict[str, Any]:
    return {
        "source": str(source.resolve()),
        "into": str(into.resolve()),
        "caps": {"max_duration_seconds": limits.max_duration_seconds, "max_channels": limits.max_channels},
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "file_bytes": file_bytes,
        },
    }


def _run_child(
    program: str,
    task: dict[str, Any],
    folder: Path,
    *,
    limits: DecodeLimits,
    on_progress: Callable[[float, float], None],
) -> dict[str, Any]:
    with tempfile.TemporaryFile() as said_wrong, _child_process(program, task, folder, stderr=said_wrong) as child:
        said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        collector = threading.Thread(target=_collect, args=(child, said), daemon=True)
        collector.start()
        try:
            answer = _listen(said, wall_seconds=limits.wall_seconds, on_progress=on_progress)
            if answer is None and -child.wait(timeout=_SECONDS_TO_END) not in _SIGNALS_OF_THE_RECORDING:
                said_wrong.seek(0)
                raise DecoderFailed(
                    f"The decoding process ended with {child.returncode}: "
                    f"{said_wrong.read()[-_REPORTED_BYTES:].decode(errors='replace')}"
                )
        finally:
            child.kill()
            collector.join()
    if answer is None:
        raise AudioRejected("decoder_limit")
    return answer


def _child_process(program: str, task: dict[str, Any], folder: Path, *, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", f"callfloor.speech.{program}", json.dumps(task)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=folder,
        # A Ctrl-C in the terminal is for the parent, which ends the child itself.
        start_new_session=True,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ} | {"PYTHONUTF8": "1"},
    )


def _listen(
    said: queue.SimpleQueue[bytes | None], *, wall_seconds: float, on_progress: Callable[[float, float], None]
) -> dict[str, Any] | None:
    """What the child answered; None when it ended without an answer.

    Raises:
        AudioRejected: the child said so, or it took longer than ``wall_seconds``.
    """
    deadline, done, expected = time.monotonic() + wall_seconds, 0.0, 0.0
    while time.monotonic() < deadline:
        try:
            line = said.get(timeout=_SECONDS_BETWEEN_CALLS)
        except queue.Empty:
            on_progress(done, expected)
            continue
        if line is None:
            return None
        message = json.loads(line)
        if message["kind"] == "decoded":
            return dict(message)
        if message["kind"] == "rejected":
            raise AudioRejected(message["code"], message["reason"])
        done, expected = message["seconds"], message["declared_seconds"]
        on_progress(done, expected)
    raise AudioRejected("decoder_limit")


def _collect(child: subprocess.Popen[bytes], said: queue.SimpleQueue[bytes | None]) -> None:
    if child.stdout is not None:
        for line in child.stdout:
            said.put(line)
    said.put(None)
