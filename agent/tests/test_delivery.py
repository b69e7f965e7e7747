"""Delivery: each event once, whatever the server answers; by a server that follows the contract."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent_support.bench import MACHINE, Bench, served
from agent_support.loops import in_a_loop
from agent_support.wire import SECRET, refusal
from callfloor_agent.delivery import OWN_FILES_SECONDS
from callfloor_agent.enrolment import Enrolment


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
