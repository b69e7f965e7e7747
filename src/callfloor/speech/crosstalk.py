"""The side-tone gate: on stereo, silences a party's channel where it only holds the other party's leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from callfloor.speech.signals import Levels, Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """When a 20 ms frame counts as leak: both conditions hold.

    Attributes:
        other_louder_db: the other channel is louder by more than this.
        below_own_db: this channel is below its own loud level by more than this.
        own_percentile: which percentile of a channel's frame levels is its loud level.
        smoothing_frames: the decision is the majority of so many frames; odd.
    """

    other_louder_db: float = 12.0
    below_own_db: float = 18.0
    own_percentile: float = 95.0
    smoothing_frames: int = 7


def leak_frames(levels: Levels, *, settings: GateSettings | None = None) -> Mask:
    """Return which frames of which channel hold nothing but the other party's leak.

    Args:
        levels: frame levels in dB, shape (channels, frames); with other than two channels nothing is leak.
        settings: thresholds.

    Returns:
        Shape (channels, frames).
    """
    settings = settings or GateSettings()
    leak = np.zeros(levels.shape, dtype=np.bool_)
    if levels.shape[0] != 2 or levels.shape[1] == 0:
        return leak
    for own in (0, 1):
        quiet = levels[own] < np.percentile(levels[own], settings.own_percentile) - settings.below_own_db
        drowned = levels[1 - own] - levels[own] > settings.other_louder_db
        leak[own] = _majority(quiet & drowned, settings.smoothing_frames)
    return leak


def _majority(flags: Mask, width: int) -> Mask:
    votes = np.convolve(flags.astype(np.float32), np.ones(width, dtype=np.float32), mode="same")
    return np.asarray(votes > width / 2, dtype=np.bool_)[: len(flags)]
