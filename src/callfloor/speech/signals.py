"""The decoded channels of one recording as one signal, with the parts that nobody may hear left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from callfloor.speech.decoding import BLOCK_SAMPLES, SAMPLE_RATE_HZ, open_samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Samples: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Levels: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Mask: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

FRAME_SAMPLES: Final = SAMPLE_RATE_HZ // 50
FRAME_SECONDS: Final = FRAME_SAMPLES / SAMPLE_RATE_HZ
_FLOOR_DBFS: Final = -120.0


@dataclass(frozen=True, slots=True)
class Signal:
    """Equally long channels on disk, and a mask of 20 ms frames: what is not kept reads as zeros.

    Attributes:
        channels: mapped from disk, each shape (samples,), 16 bit.
        kept: shape (channels, frames).
    """

    channels: tuple[np.ndarray[tuple[int], np.dtype[np.int16]], ...]
    kept: Mask

    @property
    def samples(self) -> int:
        return len(self.channels[0])

    @property
    def duration_seconds(self) -> float:
        return self.samples / SAMPLE_RATE_HZ

    def read(self, channel: int, start: int, stop: int) -> Samples:
        """Return samples ``start`` to ``stop`` of one channel, range -1..1."""
        stop = min(stop, self.samples)
        wave = self.channels[channel][start:stop].astype(np.float32) / 32768.0
        first = start // FRAME_SAMPLES
        kept = np.repeat(self.kept[channel, first : -(-stop // FRAME_SAMPLES)], FRAME_SAMPLES)
        offset = start - first * FRAME_SAMPLES
        wave *= kept[offset : offset + len(wave)]
        return wave

    def without(self, left_out: Mask) -> Signal:
        """Return the same signal with further frames, shape (channels, frames), silenced."""
        return Signal(self.channels, self.kept & ~left_out)


def open_signal(paths: Sequence[Path], *, muted: Sequence[tuple[float, float]] = ()) -> Signal:
    """Return the signal of decoded channels.

    Args:
        paths: one file a channel, as ``decoding.decode`` writes them.
        muted: spans in seconds that are silenced on every channel, to the frame around them.
    """
    channels = tuple(open_samples(path) for path in paths)
    kept = np.ones((len(channels), -(-len(channels[0]) // FRAME_SAMPLES)), dtype=np.bool_)
    for start, end in muted:
        kept[:, max(0, int(start / FRAME_SECONDS)) : max(0, int(np.ceil(end / FRAME_SECONDS)))] = False
    return Signal(channels, kept)


def frame_levels(signal: Signal) -> Levels:
    """Return the level of every 20 ms frame in dB below full scale (at least -120), shape (channels, frames)."""
    return np.stack(
        [np.concatenate([_levels(block) for block in _blocks(signal, index)]) for index in range(len(signal.channels))]
    )


def _blocks(signal: Signal, channel: int) -> Iterator[Samples]:
    for start in range(0, signal.samples, BLOCK_SAMPLES):
        yield signal.read(channel, start, start + BLOCK_SAMPLES)


def _levels(block: Samples) -> Levels:
    frames = np.pad(block, (0, -len(block) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
    energy = np.einsum("ij,ij->i", frames, frames) / FRAME_SAMPLES
    return np.asarray(10 * np.log10(np.maximum(energy, 10 ** (_FLOOR_DBFS / 10))), dtype=np.float32)
