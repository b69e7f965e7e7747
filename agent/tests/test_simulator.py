"""The simulator's command against a server that follows the contract, and plays the answers that are seldom."""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_support import DEADLINE_SECONDS
from agent_support.programs import Running, started
from agent_support.wire import SECRET, Wire, listening, refusal
from callfloor_agent.clock import instant_ms
from callfloor_agent.simulator.facts import HOUR

pytestmark = pytest.mark.timeout(300)


class FleetWire(Wire):
    """A server of many devices."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, tuple[str, str]] = {}
        self.told: list[tuple[str, str, dict[str, Any]]] = []
        """Hostname, username and event, in the order of their arrival, each as often as it came."""

    def answer(self, path: str, body: dict[str, Any], token: str | None) -> Any:
        with self.changed:
            given = super().answer(path, body, token)
            if given is not None and path.endswith("/login") and given[0] == 200:
                self.users[given[1]["token"]] = body["hostname"], body["username"]
            elif token in self.users and path.endswith("/events"):
                self.told += [(*self.users[token], event) for event in body["events"]]
            return given


@contextlib.contextmanager
def served() -> Iterator[tuple[FleetWire, dict[str, object]]]:
    """Run a server; yield it and the settings that lead to it."""
    wire = FleetWire()
    with listening(wire) as url:
        yield wire, {"server": url, "team_secret": SECRET, "retry_longest_seconds": 1}


def summary(running: Running) -> dict[str, Any]:
    """Wait for the end; return the summary."""
    line = running.wait_for('"is_complete"')
    assert running.process.wait(DEADLINE_SECONDS) == 0, "\n".join(running.lines)
    told: dict[str, Any] = json.loads(line)
    return told


def simulated(settings: dict[str, object], *options: str) -> dict[str, Any]:
    """Run a simulation to its end."""
    with started("simulate", "--json", *options, **settings) as running:
        return summary(running)


HOUR_OF_FIVE = ("--devices", "5", "--hours", "2", "--speed", "3600")


def test_what_is_told_is_counted_and_written_down(tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    with served() as (wire, settings):
        told = simulated(settings, *HOUR_OF_FIVE, "--truth", str(truth))

    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    figures = told["figures"]
    assert told["is_complete"] is True
    assert {line["call"]["id"] for line in lines} == {call["id"] for call in wire.calls}
    assert figures["calls"] + figures["corrections"] == len(wire.calls) == len(lines) > 20
    assert figures["states"] == len(wire.states)
    assert (figures["waiting"], figures["rejected"], figures["ended"]) == (0, 0, {})
    assert all(
        (line["hostname"], line["username"]) in {(host, user) for host, user, event in wire.told if event["id"] == id_}
        for line in lines
        for id_ in [line["call"]["id"]]
    )


def test_each_device_tells_in_the_order_of_its_instants() -> None:
    with served() as (wire, settings):
        simulated(settings, *HOUR_OF_FIVE)

    for host in {host for host, _, _ in wire.told}:
        instants = [event["at"] for name, _, event in wire.told if name == host and event["kind"] != "heartbeat"]
        assert all(first <= second for first, second in itertools.pairwise(instants[1:]))


def test_a_run_that_is_done_once_more_tells_the_same_events() -> None:
    with served() as (wire, settings):
        first = simulated(settings, *HOUR_OF_FIVE)
        known = set(wire.taken)
        second = simulated(settings, *HOUR_OF_FIVE, "--start", first["simulated_from"])

    assert set(wire.taken) == known
    assert second["figures"]["duplicates"] == len(known) > 0


def test_what_the_server_does_not_take_for_now_is_sent_until_it_does() -> None:
    later = [refusal(503, "unavailable", Retry_After="1"), refusal(429, "too_many_requests", Retry_After="1"), None]
    with served() as (wire, settings):
        wire.next_answers = [*later]
        told = simulated(settings, *HOUR_OF_FIVE)

    figures = told["figures"]
    assert figures["failures"] == 3
    assert figures["duplicates"] > 0  # of the batch whose answer was lost
    assert figures["calls"] + figures["corrections"] == len(wire.calls)
    assert figures["states"] == len(wire.states)


def test_a_lost_token_is_got_anew() -> None:
    with served() as (wire, settings):
        wire.next_answers = [refusal(401, "token_invalid"), refusal(401, "token_invalid")]
        told = simulated(settings, *HOUR_OF_FIVE)

    assert told["figures"]["log_ins"] >= 7
    assert told["figures"]["calls"] + told["figures"]["corrections"] == len(wire.calls)


def test_a_device_that_the_server_will_not_have_ends_and_is_counted() -> None:
    with served() as (wire, settings):
        wire.next_answers = [refusal(403, "device_blocked")]
        wire.next_log_ins = [refusal(409, "no_empty_seat"), refusal(409, "no_empty_seat")]
        told = simulated(settings, *HOUR_OF_FIVE)

    assert told["is_complete"] is True
    assert told["figures"]["ended"] == {"device_blocked": 1, "no_empty_seat": 1}
    assert len({host for host, _, _ in wire.told}) == 4  # the first log-in only asks for the time


def test_rejected_events_are_counted_and_not_written_down(tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    with served() as (wire, settings):
        wire.rejects = lambda event: event["kind"] == "call" and event["language"] == "en-US"
        told = simulated(settings, *HOUR_OF_FIVE, "--truth", str(truth))

    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    assert told["figures"]["rejected"] > 0
    assert {line["call"]["id"] for line in lines} == {call["id"] for call in wire.calls}


def test_while_the_network_is_cut_nothing_is_sent_and_all_of_it_later() -> None:
    # The cut is some seconds long, so that one of the lines that come every second or two tells of it.
    options = ("--devices", "5", "--hours", "3", "--speed", "600", "--cut-after", "1", "--cut-hours", "1")
    with served() as (wire, settings), started("simulate", "--json", *options, **settings) as running:
        cut = running.wait_for('"is_cut":true')
        told = summary(running)

    start = instant_ms(told["simulated_from"])
    in_the_cut = [call for call in wire.calls if start + HOUR <= instant_ms(call["at"]) < start + 2 * HOUR]
    assert json.loads(cut)["waiting"] > 0
    assert len(in_the_cut) > 5
    assert told["figures"]["calls"] + told["figures"]["corrections"] == len(wire.calls)


def test_history_is_calls_of_past_days_by_the_people_who_made_them() -> None:
    with served() as (wire, settings):
        told = simulated(settings, "--devices", "3", "--hours", "0.1", "--speed", "360", "--history-days", "10")

    start = instant_ms(told["simulated_from"])
    past = [call for call in wire.calls if instant_ms(call["at"]) < start]
    people = {user for _, user, event in wire.told if event["kind"] == "call"}
    days = {call["at"][:10] for call in past}
    assert 300 < told["history_calls"] <= len(past)
    assert len(days) > 4
    assert len(people) > 3


def test_a_wrong_secret_ends_it_with_a_sentence() -> None:
    with (
        served() as (_, settings),
        started("simulate", *HOUR_OF_FIVE, **{**settings, "team_secret": "another"}) as running,
    ):
        running.wait_for("team_secret_invalid")
        code = running.process.wait(DEADLINE_SECONDS)

    assert code == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_it_tells_what_it_did(number: signal.Signals) -> None:
    with (
        served() as (wire, settings),
        started("simulate", "--json", "--devices", "40", **settings) as running,
    ):
        wire.wait(lambda: len(wire.states) > 3)
        code = running.end(number)
        told = json.loads(next(line for line in running.lines if '"is_complete"' in line))

    assert code == 0
    assert told["is_complete"] is False
    assert told["figures"]["states"] == len(wire.states)


def test_supervised_it_ends_with_standard_input() -> None:
    with (
        served() as (wire, settings),
        started("simulate", "--json", "--supervised", "--devices", "40", **settings) as running,
    ):
        wire.wait(lambda: len(wire.states) > 3)
        assert running.process.stdin is not None
        running.process.stdin.close()
        running.wait_for('"is_complete":false')
