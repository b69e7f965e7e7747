"""The side-tone gate: on stereo, silences a party's channel where it only holds the other party's leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from callfloor.speech.signals import FRAME_SECONDS

if TYPE_CHECKING:
    from callfloor.speech.signals import Levels, Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """How the strength of the leak is found, and when a 20 ms frame counts as leak.

    Attributes:
        hold_seconds: the leak may come this much later than what leaks.
        speaking_range_db: the other party speaks where its channel is within this of its loud level.
        loud_percentile: which percentile of the frames in which a channel leads is its loud level.
        leak_percentile: which percentile of the level difference while the other speaks is the leak's; below 50,
            since now and then both speak.
        margin_db: a frame is leak up to this much above the leak's level.
        other_louder_db: the other channel is louder by at least this in a leak frame, whatever the leak's level.
        least_seconds: less of the other party than this tells nothing about its leak.
        smoothing_frames: the decision is the majority of so many frames; odd.
    """

    hold_seconds: float = 0.2
    speaking_range_db: float = 20.0
    loud_percentile: float = 95.0
    leak_percentile: float = 40.0
    margin_db: float = 8.0
    other_louder_db: float = 8.0
    least_seconds: float = 1.0
    smoothing_frames: int = 7


def leak_frames(levels: Levels, *, settings: GateSettings | None = None) -> Mask:
    """Return which frames of which channel hold nothing but the other party's leak.

    The leak's level is measured in the recording itself, as the usual difference between the channels while the
    other party speaks: telephones differ by tens of decibels.

    Args:
        levels: frame levels in dB, shape (channels, frames); with other than two channels nothing is leak.
        settings: thresholds.

    Returns:
        Shape (channels, frames).
    """
    settings = settings or GateSettings()
    leak = np.zeros(levels.shape, dtype=np.bool_)
    if levels.shape[0] == 2:
        for own in (0, 1):
            leak[own] = _leak_in(levels[own], levels[1 - own], settings)
    return leak


def _leak_in(own: Levels, other: Levels, settings: GateSettings) -> Mask:
    leads = other > own
    least_frames = settings.least_seconds / FRAME_SECONDS
    if leads.sum() < least_frames:
        return np.zeros(own.shape, dtype=np.bool_)
    loud = np.percentile(other[leads], settings.loud_percentile)
    difference = own - _held(other, round(settings.hold_seconds / FRAME_SECONDS))
    speaks = leads & (other > loud - settings.speaking_range_db)
    if speaks.sum() < least_frames:
        return np.zeros(own.shape, dtype=np.bool_)
    leak_db = np.percentile(difference[speaks], settings.leak_percentile)
    if leak_db > -settings.other_louder_db:
        # Hardly quieter than the original: both channels carry the same sound, and muting one would lose words.
        return np.zeros(own.shape, dtype=np.bool_)
    threshold_db = min(leak_db + settings.margin_db, -settings.other_louder_db)
    return _majority(difference < threshold_db, settings.smoothing_frames)


def _held(levels: Levels, frames: int) -> Levels:
    """The loudest of each frame and so many before it."""
    held = levels.copy()
    for back in range(1, min(frames, len(levels) - 1) + 1):
        np.maximum(held[back:], levels[:-back], out=held[back:])
    return held


def _majority(flags: Mask, width: int) -> Mask:
    votes = np.convolve(flags.astype(np.float32), np.ones(width, dtype=np.float32), mode="same")
    return np.asarray(votes > width / 2, dtype=np.bool_)[: len(flags)]
