"""Delivery: each event once, whatever the server answers; by a server that follows the contract."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_support.loops import in_a_loop
from agent_support.sights import seen
from agent_support.wire import SECRET, Wire, listening, refusal
from callfloor_agent.api import AgentApi, Machine
from callfloor_agent.clock import ServerClock, instant_ms, wall_ms
from callfloor_agent.delivery import OWN_FILES_SECONDS, Delivery
from callfloor_agent.enrolment import Enrolment
from callfloor_agent.pauses import Pauses
from callfloor_agent.recorder import Names
from callfloor_agent.recording import Recording
from callfloor_agent.spool import Spool

MACHINE = Machine("m-1", "ws-1", "ada", "linux", "12", "0.1.0")


class Bench:
    """A delivery without a loop around it: each step is one request, or a log-in and one."""

    def __init__(self, folder: Path, server: str, *, secret: str = SECRET, set_by_ms: int = 0) -> None:
        self.secret = secret
        self.spool = Spool(folder / "spool.db")
        self.set_by_ms = set_by_ms
        self.clock = ServerClock(self.spool.offset_ms(), wall=lambda: wall_ms() + self.set_by_ms)
        self.api = AgentApi(server, self.clock)
        self.recording = Recording(self.spool, self.clock, Names())
        self.delivery = Delivery(
            self.api,
            self.spool,
            self.recording,
            enrolment=Enrolment(self.api, MACHINE, lambda: self.secret, folder),
            pauses=Pauses(randomness=random.Random(1)),
        )

    def record(self, count: int) -> None:
        """Record so many states and a third as many calls."""
        for number in range(count):
            self.recording.look(seen(in_call=number % 3 == 1, fault=None if number % 3 else f"fault {number}"))

    async def deliver(self, *, steps: int = 50) -> None:
        """Take steps until nothing waits; without the pauses."""
        for _ in range(steps):
            await self.delivery.step()
            if not self.spool.oldest(1):
                return

    async def close(self) -> None:
        await self.api.close()
        self.spool.close()


@contextlib.contextmanager
def served() -> Iterator[tuple[Wire, str]]:
    """Run a server."""
    wire = Wire()
    with listening(wire) as url:
        yield wire, url


@in_a_loop
async def test_what_is_recorded_arrives_once_and_in_order(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        bench.record(30)
        await bench.deliver()
        pause = await bench.delivery.step()

        assert bench.spool.counts().delivered == len(wire.taken) == 40
        assert [event["at"] for event in wire.states] == sorted(event["at"] for event in wire.states)
        assert [event["kind"] for event in wire.batches[-1]] == ["heartbeat"]
        assert len(wire.log_ins) == 1
        assert wire.log_ins[0] == {"team_secret": SECRET, **{n: getattr(MACHINE, n) for n in MACHINE.__struct_fields__}}
        assert pause == wire.heartbeat_seconds
        await bench.close()


@in_a_loop
async def test_a_batch_whose_answer_was_lost_is_sent_again_with_the_same_bytes(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        bench.record(9)
        wire.next_answers = [None]
        await bench.delivery.step()
        is_connected = bench.delivery.contact.is_connected
        await bench.deliver()

        first, second = wire.batches[-2:]
        assert first == second
        assert not is_connected
        assert bench.spool.counts().waiting == 0
        await bench.close()


@in_a_loop
async def test_more_than_a_batch_goes_in_batches_of_500(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        bench.record(900)
        await bench.deliver()

        assert [len(batch) for batch in wire.batches] == [500, 500, 200]
        await bench.close()


@in_a_loop
async def test_a_rejected_event_is_set_aside_and_the_others_are_delivered(tmp_path: Path) -> None:
    with served() as (wire, url):
        wire.rejects = lambda event: event.get("reason") == "fault 3"
        bench = Bench(tmp_path, url)
        bench.record(6)
        await bench.deliver()
        batches = len(wire.batches)
        await bench.delivery.step()

        assert [(code, message) for code, message, _ in bench.spool.rejections()] == [
            ("out_of_range", "at: not this one")
        ]
        assert (bench.spool.counts().waiting, bench.spool.counts().rejected) == (0, 1)
        assert [event["kind"] for event in wire.batches[batches]] == ["heartbeat"]
        await bench.close()


@in_a_loop
async def test_a_batch_that_is_refused_whole_is_narrowed_down_to_its_fault(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        bench.record(3)
        wire.next_answers = [refusal(422, "validation_error")] * 3
        await bench.deliver()

        assert [len(batch) for batch in wire.batches[1:]] == [4, 2, 1, 1, 2]
        assert [code for code, _, _ in bench.spool.rejections()] == ["validation_error"]
        assert bench.spool.counts().delivered == 3
        await bench.close()


@in_a_loop
async def test_the_server_is_asked_again_when_it_says(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        bench.record(3)
        wire.next_answers = [
            refusal(429, "too_many_requests", Retry_After="40"),
            refusal(503, "unavailable", Retry_After="7"),
        ]
        pauses = [await bench.delivery.step(), await bench.delivery.step()]
        await bench.deliver()

        assert 40 <= pauses[0] <= 50
        assert 7 <= pauses[1] <= 8.75
        assert bench.spool.counts().waiting == 0
        await bench.close()


@in_a_loop
async def test_a_token_that_has_ended_is_replaced(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        wire.tokens.clear()
        bench.record(3)
        await bench.deliver()

        assert len(wire.log_ins) == 2
        assert bench.spool.counts().waiting == 0
        await bench.close()


@in_a_loop
async def test_a_blocked_device_asks_slowly_and_keeps_what_it_records(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        bench.record(3)
        wire.next_answers = [refusal(403, "device_blocked")]
        wire.next_log_ins = [refusal(403, "device_blocked")]
        pauses = [await bench.delivery.step(), await bench.delivery.step()]
        problem = bench.delivery.contact.problem
        await bench.deliver()

        assert all(225 <= pause <= 375 for pause in pauses)
        assert problem == "device_blocked: it is device_blocked"
        assert bench.spool.counts().delivered == 4
        await bench.close()


@in_a_loop
async def test_a_full_team_and_a_wrong_secret_are_asked_about_slowly(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url, secret="an old one")
        wire.next_log_ins = [refusal(409, "no_empty_seat")]
        pauses = [await bench.delivery.step(), await bench.delivery.step()]
        bench.secret = ""
        pauses.append(await bench.delivery.step())
        bench.secret = SECRET
        await bench.deliver()

        assert all(225 <= pause <= 375 for pause in pauses[:2])
        assert pauses[2] == OWN_FILES_SECONDS
        assert [entry["team_secret"] for entry in wire.log_ins] == ["an old one", "an old one", SECRET]
        assert bench.delivery.contact.is_connected
        await bench.close()


@in_a_loop
async def test_another_seat_that_somebody_signed_in_to_beside_it_is_shown(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        await bench.deliver()
        wire.tokens.add("another")
        wire.next_log_ins = [(200, {"device_id": 7, "seat_id": 11, "token": "another", "heartbeat_seconds": 60}, {})]
        await Enrolment(bench.api, MACHINE, lambda: SECRET, tmp_path).log_in()
        await bench.delivery.step()

        assert (bench.delivery.contact.device_id, bench.delivery.contact.seat_id) == (7, 11)
        await bench.close()


@in_a_loop
async def test_the_servers_heartbeat_is_followed(tmp_path: Path) -> None:
    with served() as (wire, url):
        wire.heartbeat_seconds = 30
        bench = Bench(tmp_path, url)
        first = await bench.delivery.step()
        second = await bench.delivery.step()
        wire.heartbeat_seconds = 240
        third = await bench.delivery.step()

        assert 0 <= first <= 30
        assert (second, third) == (30, 240)
        await bench.close()


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


@in_a_loop
async def test_nobody_there_is_tried_again_later_and_later(tmp_path: Path) -> None:
    with served() as (_, url):
        pass
    bench = Bench(tmp_path, url)
    bench.record(3)

    pauses = [await bench.delivery.step() for _ in range(12)]

    assert [min(round(pause, 3) >= 1, 1) * 2**n for n, pause in enumerate(pauses[:4])] == [1, 2, 4, 8]
    assert 150 <= pauses[-1] <= 300
    assert bench.spool.counts().waiting == 4
    await bench.close()


@in_a_loop
async def test_what_answers_but_is_no_callfloor_is_told(tmp_path: Path) -> None:
    with served() as (wire, url):
        wire.next_log_ins = [(200, {"hello": "world"}, {})]
        bench = Bench(tmp_path, url)
        await bench.delivery.step()

        assert "no Callfloor server" in str(bench.delivery.contact.problem)
        await bench.close()


@in_a_loop
async def test_the_loop_sends_what_is_recorded_at_once(tmp_path: Path) -> None:
    with served() as (wire, url):
        bench = Bench(tmp_path, url)
        task = asyncio.create_task(bench.delivery.run())
        await asyncio.to_thread(wire.wait, lambda: wire.batches)
        bench.record(3)
        await asyncio.to_thread(wire.wait, lambda: len(wire.taken) == 4)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert wire.heartbeat_seconds == 3600
        await bench.close()
