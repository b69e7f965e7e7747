"""Who speaks on which channel: its label in the transcript, its side, its participant."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from callfloor.conversations.outcomes import Speaker
from callfloor.conversations.parties import AGENT, CUSTOMER, DEFAULT_CHANNELS, LABELS, label_of

UNKNOWN = "Speaker"
"""On one channel with several voices nobody is told apart."""


@dataclasses.dataclass(frozen=True, slots=True)
class ChannelVoice:
    """Who speaks on a channel; None where it is not known."""

    label: str
    side: str | None
    position: int | None
    """Of the participant."""


def voices_of(channel_count: int, channels: Mapping[int, str], speakers: Sequence[Speaker]) -> dict[int, ChannelVoice]:
    """Return the voice of every channel.

    Args:
        channel_count: of the recording.
        channels: `agent` or `customer` by channel, as the upload said; what it did not say is the default on stereo.
        speakers: the participants.
    """
    if channel_count == 1 and not channels and not _is_alone(speakers):
        return {0: ChannelVoice(UNKNOWN, None, None)}
    by_channel = {speaker.channel: speaker for speaker in speakers if speaker.channel is not None}
    return {
        number: _voice(channels.get(number) or DEFAULT_CHANNELS.get(number), by_channel.get(number))
        for number in range(channel_count)
    }


def _is_alone(speakers: Sequence[Speaker]) -> bool:
    return len(speakers) == 1 and speakers[0].channel == 0


def _voice(side: str | None, speaker: Speaker | None) -> ChannelVoice:
    if speaker is None:
        return ChannelVoice(LABELS.get(side or "", UNKNOWN), side, None)
    label = label_of(speaker.name, speaker.email, is_internal=speaker.is_internal)
    return ChannelVoice(label, AGENT if speaker.is_internal else CUSTOMER, speaker.position)
