"""The five states: each rule, and that any sight whatever has exactly one of them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from agent_support.sights import HEADSET, seen, sights
from callfloor_agent.sight import Device, Side, Sight, combined
from callfloor_agent.states import NO_MICROPHONE, NO_SPEAKER, NOTHING_TO_WATCH, STARTING, STOPPED, Verdict, state_of

GONE = Side(None)
UNPLUGGED = Side(Device("Headset", is_usable=False))


@pytest.mark.parametrize(
    ("sight", "verdict"),
    [
        (None, Verdict("unavailable", NOTHING_TO_WATCH)),
        (Sight("desktop"), Verdict("unavailable", STARTING)),
        (seen(), Verdict("online")),
        (seen(in_call=True), Verdict("in_call")),
        (seen(mic=Side(Device("Headset", is_muted=True))), Verdict("online")),
        (seen(in_call=True, mic=Side(Device("Headset", is_muted=True))), Verdict("in_call")),
        (seen(mic=GONE), Verdict("unavailable", NO_MICROPHONE)),
        (seen(speaker=UNPLUGGED), Verdict("unavailable", NO_SPEAKER)),
        (seen(in_call=True, mic=UNPLUGGED), Verdict("unhealthy", NO_MICROPHONE)),
        (seen(in_call=True, speaker=GONE), Verdict("unhealthy", NO_SPEAKER)),
        (seen(fault="7: the stream broke"), Verdict("unhealthy", "7: the stream broke")),
        (seen(in_call=True, mic=GONE, fault="7: the stream broke"), Verdict("unhealthy", "7: the stream broke")),
    ],
)
def test_each_rule_decides(sight: Sight | None, verdict: Verdict) -> None:
    assert state_of(sight) == verdict


@given(sights)
def test_any_sight_has_one_state_that_its_facts_bear_out(sight: Sight) -> None:
    verdict = state_of(sight)

    usable = all(side is not None and side.is_usable for side in (sight.mic, sight.speaker))
    facts = {
        "online": sight.in_call is False and usable and sight.fault is None,
        "in_call": sight.in_call is True and usable and sight.fault is None,
        "unhealthy": sight.fault is not None or (sight.is_complete and sight.in_call is True and not usable),
        "unavailable": sight.fault is None and (not sight.is_complete or (sight.in_call is False and not usable)),
        "offline": False,
    }
    assert [name for name, holds in facts.items() if holds] == [verdict.state]
    assert (verdict.reason is None) == (verdict.state in {"online", "in_call"})


@given(sights)
def test_an_agent_that_stops_is_offline(sight: Sight) -> None:
    assert state_of(sight, is_stopping=True) == Verdict("offline", STOPPED)


@given(sights)
def test_muting_changes_no_state(sight: Sight) -> None:
    def toggled(side: Side | None) -> Side | None:
        if side is None or side.device is None:
            return side
        device = msgspec.structs.replace(side.device, is_muted=not side.device.is_muted)
        return msgspec.structs.replace(side, device=device)

    other = msgspec.structs.replace(sight, mic=toggled(sight.mic), speaker=toggled(sight.speaker))

    assert state_of(other) == state_of(sight)


def test_the_desktop_app_is_believed_before_the_system_and_named_by_it() -> None:
    system = Sight("os", in_call=True, mic=HEADSET, speaker=HEADSET, app_names=("softphone",))

    assert combined(None, system) == system
    assert combined(Sight("desktop"), system) == system
    assert combined(seen(in_call=True), None) == seen(in_call=True)
    assert combined(seen(), system) == seen(app_names=("softphone",))
