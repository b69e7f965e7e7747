"""Where each turn of a call lies in time, and the call's two channels before the line adds anything."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import telephone
from script import ROLES, Script, Turn
from telephone import RATE_HZ, Samples, Spans
from voices import SAMPLE_RATE_HZ, Speaker

LEAD_S = 1.0
TAIL_S = 1.2
GAP_S = (0.2, 0.9)
PAUSE_S = (0.22, 0.5)


@dataclass(frozen=True)
class Placed:
    """A turn with its place: `start` is a frame at 8 kHz, `speech` its mono signal from there on."""

    turn: Turn
    start: int
    speech: Samples

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + len(self.speech)


def place_turns(script: Script, speaker: Speaker, chance: np.random.Generator) -> list[Placed]:
    """Return the turns of a call in order of their start.

    Raises:
        ValueError: a party would speak over itself.
    """
    placed: list[Placed] = []
    clock = round(LEAD_S * RATE_HZ)
    before: Placed | None = None
    for turn in script.turns:
        speech = _turn_speech(script, turn, speaker, chance)
        if turn.over is not None and before is not None:
            placed.append(Placed(turn, before.start + round(turn.over * len(before.speech)), speech))
            continue
        gap_s = chance.uniform(*GAP_S) if turn.gap is None else turn.gap
        start = clock if before is None else clock + round(gap_s * RATE_HZ)
        before = Placed(turn, start, speech)
        placed.append(before)
        clock = before.end
    placed.sort(key=lambda one: one.start)
    _refuse_one_mouth_twice(placed)
    return placed


def _refuse_one_mouth_twice(placed: list[Placed]) -> None:
    for role in ROLES:
        own = [one for one in placed if one.turn.role == role]
        for earlier, later in pairwise(own):
            if later.start < earlier.end:
                raise ValueError(f"The {role} still says {earlier.turn.text!r} when {later.turn.text!r} starts.")


def _turn_speech(script: Script, turn: Turn, speaker: Speaker, chance: np.random.Generator) -> Samples:
    party = script.party(turn.role)
    sentences = speaker.sentences(script.spoken_form(turn.text), voice=party.voice, speed=party.speed)
    pieces: list[Samples] = []
    for sentence in sentences:
        if pieces:
            pieces.append(np.zeros(round(chance.uniform(*PAUSE_S) * RATE_HZ), dtype=np.float32))
        pieces.append(telephone.trimmed(telephone.narrow(sentence, rate_hz=SAMPLE_RATE_HZ)))
    return np.concatenate(pieces)


def clean_channels(placed: list[Placed], chance: np.random.Generator) -> dict[str, Samples]:
    """Return each party's own speech on the call's time axis, at a level of its own near -22 dBFS."""
    frames = max(one.end for one in placed) + round(TAIL_S * RATE_HZ)
    channels: dict[str, Samples] = {}
    for role in ROLES:
        channel = np.zeros(frames, dtype=np.float32)
        for one in placed:
            if one.turn.role == role:
                channel[one.start : one.end] += one.speech
        level_dbfs = telephone.SPEECH_DBFS + chance.uniform(-2.0, 2.0)
        channels[role] = telephone.leveled(channel, level_dbfs=level_dbfs)
    return channels


def speech_of(one: Placed, channel: Samples) -> Spans:
    """Return where, in seconds of the call, the party speaks within this turn."""
    spans = telephone.speech_spans(channel[one.start : one.end], loud_db=telephone.loud_level_db(_voiced(channel)))
    offset = one.start / RATE_HZ
    return [(round(start + offset, 3), round(end + offset, 3)) for start, end in spans]


def _voiced(channel: Samples) -> Samples:
    return np.asarray(channel[channel != 0.0])
