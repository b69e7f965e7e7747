"""Who speaks on which channel."""

from __future__ import annotations

import pytest

from callfloor.analysis.voices import ChannelVoice, voices_of
from callfloor.conversations.outcomes import Speaker

DANA = Speaker(0, "Dana", "dana@ours.example", is_internal=True, channel=0)
SAM = Speaker(1, None, "sam@customer.example", is_internal=False, channel=1)


def test_two_channels_are_agent_and_customer_unless_said_otherwise() -> None:
    assert voices_of(2, {}, []) == {
        0: ChannelVoice("Agent", "agent", None),
        1: ChannelVoice("Customer", "customer", None),
    }
    assert voices_of(2, {0: "customer", 1: "agent"}, [])[0] == ChannelVoice("Customer", "customer", None)


def test_a_participant_lends_its_name_or_address() -> None:
    assert voices_of(2, {}, [DANA, SAM]) == {
        0: ChannelVoice("Dana", "agent", 0),
        1: ChannelVoice("sam@customer.example", "customer", 1),
    }


@pytest.mark.parametrize("speakers", [[], [DANA, SAM]])
def test_nobody_is_told_apart_on_one_channel(speakers: list[Speaker]) -> None:
    assert voices_of(1, {}, speakers) == {0: ChannelVoice("Speaker", None, None)}


def test_one_channel_of_a_known_party_has_its_name() -> None:
    assert voices_of(1, {0: "customer"}, []) == {0: ChannelVoice("Customer", "customer", None)}
    assert voices_of(1, {}, [DANA]) == {0: ChannelVoice("Dana", "agent", 0)}
