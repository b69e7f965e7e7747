"""Packs the speech of a channel into windows for recognition, and maps the times found there back to real time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from callfloor.speech.decoding import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callfloor.speech.signals import Samples, Signal
    from callfloor.speech.voice import Probabilities, Region

CHUNK_SAMPLES: Final = 512


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a channel, in samples, the end excluded."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces of one channel, one behind the other, with short silences between."""

    pieces: tuple[Piece, ...]
    joint_samples: int
    _offsets: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        offsets, at = [], 0
        for piece in self.pieces:
            offsets.append(at)
            at += piece.length + self.joint_samples
        object.__setattr__(self, "_offsets", tuple(offsets))

    @property
    def length(self) -> int:
        return self._offsets[-1] + self.pieces[-1].length

    @property
    def speech_seconds(self) -> float:
        return sum(piece.length for piece in self.pieces) / SAMPLE_RATE_HZ

    def read(self, signal: Signal, channel: int) -> Samples:
        """Return the window's audio, range -1..1."""
        wave = np.zeros(self.length, dtype=np.float32)
        for offset, piece in zip(self._offsets, self.pieces, strict=True):
            wave[offset : offset + piece.length] = signal.read(channel, piece.start, piece.end)
        return wave

    def as_real_times(self, spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return spans found in the window, in seconds, as seconds of the channel.

        A span belongs to the piece that holds its middle and never leaves it; the results never run backwards:
        each begins no earlier than the one before ends.
        """
        real: list[tuple[float, float]] = []
        index, earliest = 0, self.pieces[0].start
        for start, end in spans:
            middle = int((start + end) / 2 * SAMPLE_RATE_HZ)
            index = max(index, bisect_right(self._offsets, middle) - 1)
            piece, offset = self.pieces[index], self._offsets[index]
            lower = max(piece.start, earliest)
            begin = min(max(piece.start + int(start * SAMPLE_RATE_HZ) - offset, lower), piece.end)
            earliest = min(max(piece.start + int(end * SAMPLE_RATE_HZ) - offset, begin), piece.end)
            real.append((begin / SAMPLE_RATE_HZ, earliest / SAMPLE_RATE_HZ))
        return real


def pack(
    regions: Sequence[Region],
    probabilities: Probabilities,
    *,
    longest_seconds: float,
    joint_seconds: float,
) -> tuple[Window, ...]:
    """Return windows that hold all ``regions`` in order, none longer than ``longest_seconds``.

    Args:
        regions: the speech of one channel.
        probabilities: of the same channel; a region too long for a window is cut where speech is least likely.
        longest_seconds: at most 30, which is what the model hears at once.
        joint_seconds: silence between two pieces.
    """
    longest, joint = int(longest_seconds * SAMPLE_RATE_HZ), int(joint_seconds * SAMPLE_RATE_HZ)
    windows: list[Window] = []
    pieces: list[Piece] = []
    room = longest
    for region in regions:
        for piece in _cut(Piece(region.start, region.end), probabilities, longest):
            if pieces and piece.length + joint > room:
                windows.append(Window(tuple(pieces), joint))
                pieces, room = [], longest
            room -= piece.length + (joint if pieces else 0)
            pieces.append(piece)
    if pieces:
        windows.append(Window(tuple(pieces), joint))
    return tuple(windows)


def _cut(piece: Piece, probabilities: Probabilities, longest: int) -> list[Piece]:
    parts: list[Piece] = []
    while piece.length > longest:
        # Look for the quietest place in the second half of what fits.
        first = (piece.start + longest // 2) // CHUNK_SAMPLES + 1
        last = (piece.start + longest) // CHUNK_SAMPLES
        at = first + int(np.argmin(probabilities[first:last])) if first < min(last, len(probabilities)) else last
        cut = min(max(at * CHUNK_SAMPLES, piece.start + 1), piece.start + longest)
        parts.append(Piece(piece.start, cut))
        piece = Piece(cut, piece.end)
    return [*parts, piece]
