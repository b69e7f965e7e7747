"""Events carry the server's time, whatever this machine's clock says, and whichever run of the agent recorded them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_support.bench import Bench, served
from agent_support.loops import in_a_loop
from agent_support.sights import seen
from callfloor_agent.clock import instant_ms, wall_ms


@in_a_loop
async def test_events_are_stamped_by_the_servers_clock(tmp_path: Path) -> None:
    ahead_seconds = 7_200
    with served() as (wire, url):
        wire.ahead_seconds = ahead_seconds
        bench = Bench(tmp_path, url)
        before = wall_ms()
        bench.record(3)  # before the server was ever heard
        await bench.deliver()
        bench.record(3)
        await bench.deliver()
        after = wall_ms()
        await bench.close()
        again = Bench(tmp_path, url)
        offset_ms = again.clock.offset_ms
        await again.close()

    stamps = [instant_ms(event["at"]) - ahead_seconds * 1000 for event in wire.taken.values()]
    assert all(before - 4000 <= stamp <= after + 4000 for stamp in stamps)
    assert all(
        abs(instant_ms(call["started_at"]) - ahead_seconds * 1000 - before) < after - before + 4000
        for call in wire.calls
    )
    assert abs(offset_ms - ahead_seconds * 1000) <= after - before + 3000


@in_a_loop
async def test_a_clock_that_is_set_within_a_call_moves_nothing(tmp_path: Path) -> None:
    with served() as (wire, url):
        wire.ahead_seconds = -3_600
        bench = Bench(tmp_path, url)
        await bench.deliver()
        began = bench.clock.now()
        bench.recording.look(seen(in_call=True))
        bench.set_by_ms = -3_600_000  # as the doctor advises
        bench.recording.look(seen(in_call=True))
        await bench.deliver()
        await bench.delivery.step()
        bench.recording.look(seen())
        await bench.deliver()
        ended = bench.clock.now()
        await bench.close()

    (call,) = wire.calls
    assert began - 3000 <= instant_ms(call["started_at"]) <= instant_ms(call["ended_at"]) <= ended + 3000
    assert ended - began < 3_600_000


@in_a_loop
async def test_a_clock_that_was_set_while_the_agent_was_away_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        bench.recording.look(seen())
        await bench.deliver()
        await bench.close()
        again = Bench(tmp_path, url, set_by_ms=7_200_000)
        again.recording.look(seen(in_call=True))
        await again.deliver()
        now = wall_ms()
        await again.close()

    assert all(instant_ms(event["at"]) <= now + 3000 for event in wire.taken.values())
    assert [state["state"] for state in wire.states] == ["online", "in_call"]


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("hours", [2, -2])
@in_a_loop
async def test_a_call_that_a_crash_cut_keeps_its_times_though_the_clock_was_set_since(
    tmp_path: Path, *, hours: int, goes_on: bool
) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        began = wall_ms()
        bench.recording.look(seen(in_call=True))
        await bench.deliver()
        await bench.close()
        again = Bench(tmp_path, url, set_by_ms=hours * 3_600_000)
        again.recording.look(seen(in_call=goes_on))
        await again.deliver()
        again.recording.look(seen())
        await again.deliver()
        ended = wall_ms()
        await again.close()

    told = [instant_ms(call[name]) for call in wire.calls for name in ("at", "started_at", "ended_at")]
    assert len(wire.calls) == 1 + goes_on
    assert began - 4000 <= min(told) <= max(told) <= ended + 4000


@pytest.mark.parametrize("ends_before_the_answer", [False, True])
@in_a_loop
async def test_a_call_that_a_crash_did_not_end_keeps_its_beginning_though_the_clock_was_set_since(
    tmp_path: Path, *, ends_before_the_answer: bool
) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        began = wall_ms()
        sight = seen(in_call=True, in_call_changed_at=began)  # as Windows tells it
        bench.recording.look(sight)
        await bench.deliver()
        await bench.close()
        again = Bench(tmp_path, url, set_by_ms=7_200_000)
        again.recording.look(sight)
        if not ends_before_the_answer:
            await again.deliver()
        again.recording.look(seen())
        await again.deliver()
        ended = wall_ms()
        await again.close()

    (call,) = wire.calls
    running = {instant_ms(state["call"]["started_at"]) for state in wire.states if state["call"]}
    assert running == {instant_ms(call["started_at"])}
    assert began - 4000 <= instant_ms(call["started_at"]) <= instant_ms(call["ended_at"]) <= ended + 4000


@pytest.mark.parametrize("hours", [2, -2])
@in_a_loop
async def test_what_an_earlier_run_recorded_while_the_server_was_away_is_not_moved(tmp_path: Path, hours: int) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        await bench.close()
        before = wall_ms()
        offline = Bench(tmp_path, url)
        offline.record(6)
        await offline.close()
        again = Bench(tmp_path, url, set_by_ms=hours * 3_600_000)
        again.record(6)
        await again.deliver()
        after = wall_ms()
        await again.close()

    told = [instant_ms(event["at"]) for event in wire.taken.values()]
    assert len(told) == 16
    assert before - 4000 <= min(told) <= max(told) <= after + 4000


@in_a_loop
async def test_what_was_recorded_before_the_server_was_ever_heard_is_moved_whichever_run_it_was(tmp_path: Path) -> None:
    with served() as (wire, url):
        wire.ahead_seconds = 7_200
        before = wall_ms()
        offline = Bench(tmp_path, url)
        offline.record(2)
        await offline.close()
        again = Bench(tmp_path, url)
        again.recording.look(seen())
        await again.deliver()
        after = wall_ms()
        await again.close()

    told = [instant_ms(event["at"]) for event in wire.taken.values()]
    told += [instant_ms(call[name]) for call in wire.calls for name in ("started_at", "ended_at")]
    assert len(wire.calls) == 1
    assert before - 4000 <= min(told) - 7_200_000 <= max(told) - 7_200_000 <= after + 4000
