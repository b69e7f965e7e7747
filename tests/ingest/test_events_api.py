"""`POST /api/v2/agent/events` by its contract."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from callfloor.devices.tokens import ACTIVE_FOR, TOKEN_LIFE
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR, MINUTE, SECOND
from callfloor.foundation.database import Database
from tests.devices.looking import tokens_of
from tests.factories.devices import make_device_team
from tests.factories.events import Agent, call, heartbeat, make_agent, state
from tests.ingest.looking import lease_of, rows_of, seconds_by_device, seen_of


def rejected(taken: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Return index, code and field of every rejected event."""
    return [(one["index"], one["code"], one["field"]) for one in taken["rejected"]]


class TestTaken:
    def test_is_seen_at_once(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        begin = clock.now() - 600 * SECOND
        ongoing = {"app_name": "Softphone", "started_at": clock.iso(begin)}
        sound = {"device": "Headset", "muted": True, "noise_cancellation": True, "accent_conversion": False}

        taken = agent.send(
            http,
            heartbeat(),
            state("in_call", reason="on purpose", call=ongoing, mic=sound, speaker=None),
            call(begin, language="EN-us"),
        )

        assert taken == {"accepted": 3, "duplicates": 0, "rejected": [], "heartbeat_seconds": 30}
        assert [row["shown_state"] for row in rows_of(db, "presence", agent.team.id)] == ["in_call"]
        (record,) = rows_of(db, "call_record", agent.team.id)
        assert (record["username"], record["language"], record["mic_seconds"]) == ("ada", "en-US", 300)
        assert record["mic_noise_cancellation"] == 300
        assert seconds_by_device(db, agent.team.id) == (1, 300)
        assert {row["kind"] for row in rows_of(db, "agent_event", agent.team.id)} == {"state", "call"}

    def test_changes_nothing_when_it_comes_again(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        events = [state(), call(), state("unavailable")]

        agent.send(http, *events)
        before = seen_of(db, agent.team.id)
        again = agent.send(http, *reversed(events))

        assert (again["accepted"], again["duplicates"]) == (0, 3)
        assert seen_of(db, agent.team.id) == before

    def test_counts_an_id_twice_in_one_batch_as_a_duplicate(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        one, shouted = state(), str(uuid.uuid4())

        taken = agent.send(http, one, one, call(id=shouted), call(id=shouted.upper()))

        assert (taken["accepted"], taken["duplicates"]) == (2, 2)

    def test_the_same_ids_of_two_devices_are_two_events(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db, seats=2)
        one, other = make_agent(db, team, 1), make_agent(db, team, 2)
        event = call()

        assert one.send(http, event)["accepted"] == other.send(http, event)["accepted"] == 1
        assert seconds_by_device(db, team.id) == (2, 600)

    def test_a_heartbeat_leaves_no_row(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)

        assert agent.send(http, heartbeat(), heartbeat())["accepted"] == 2
        assert rows_of(db, "agent_event", agent.team.id) == []

    def test_500_events_are_taken(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)

        assert agent.send(http, *(state() for _ in range(500)))["accepted"] == 500
        assert len(rows_of(db, "transition", agent.team.id)) == 500

    def test_what_is_not_said_is_left_out(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        spare = call()
        del spare["features"], spare["language"]

        assert agent.send(http, spare, state(mic={"device": None}, more={"of": "a newer agent"}))["accepted"] == 2
        (kept,) = [row for row in rows_of(db, "agent_event", agent.team.id) if row["kind"] == "state"]
        assert "a newer agent" in kept["content"]


class TestCalls:
    def test_a_higher_revision_replaces(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        first = call(seconds=600)
        later = {**call(seconds=1200, call_id=first["call_id"]), "revision": 3}
        between = {**call(seconds=60, call_id=first["call_id"]), "revision": 2}
        same = {**call(seconds=90, call_id=first["call_id"]), "revision": 3}

        taken = [agent.send(http, one) for one in (first, later, between, same)]

        assert [(one["accepted"], one["duplicates"]) for one in taken] == [(1, 0), (1, 0), (0, 1), (0, 1)]
        assert seconds_by_device(db, agent.team.id) == (1, 600)

    def test_are_taken_in_their_order_also_where_one_comes_again(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        first = call(seconds=600)
        later = {**call(seconds=1200, call_id=first["call_id"]), "revision": 2}

        taken = agent.send(http, first, later, first)

        assert (taken["accepted"], taken["duplicates"]) == (2, 1)
        assert seconds_by_device(db, agent.team.id) == (1, 600)

    def test_calls_of_one_device_may_overlap(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)

        assert agent.send(http, call(), call())["accepted"] == 2
        assert seconds_by_device(db, agent.team.id) == (2, 600)

    def test_belong_to_the_os_user_of_the_token(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db, seats=1)
        ada, ben = make_agent(db, team, username="ada"), make_agent(db, team, username="ben")

        ada.send(http, call())
        ben.send(http, call(), call())

        names = [row["username"] for row in rows_of(db, "call_record", team.id)]
        assert sorted(names) == ["ada", "ben", "ben"]
        assert {row["device_id"] for row in rows_of(db, "call_record", team.id)} == {ada.device_id}


class TestRejected:
    @pytest.mark.parametrize(
        ("event", "code", "field"),
        [
            ({"at": None}, "validation_error", "at"),
            ({"at": "2026-11-22T04:00:00"}, "validation_error", "at"),
            ({"at": 1_700_000_000}, "validation_error", "at"),
            ({"at": "9999-12-31T23:59:59Z"}, "too_far_ahead", "at"),
            ({"at": "0001-01-01T00:00:00+23:59"}, "too_old", "at"),
            ({"id": "7"}, "validation_error", "id"),
            ({"id": None}, "validation_error", "id"),
            ({"kind": "scream"}, "unknown_kind", "kind"),
            ({"kind": None}, "validation_error", "kind"),
            ({"revision": -1}, "validation_error", "revision"),
            ({"revision": 2**70}, "validation_error", "revision"),
            ({"call_id": "x"}, "validation_error", "call_id"),
            ({"app_name": ""}, "validation_error", "app_name"),
            ({"app_name": "x" * 256}, "validation_error", "app_name"),
            ({"app_name": "a\0b"}, "validation_error", "app_name"),
            ({"app_name": "a\x85b"}, "validation_error", "app_name"),
            ({"language": "en_US"}, "invalid_language", "language"),
            ({"language": "en--US"}, "invalid_language", "language"),
            ({"mic_seconds": -1}, "negative_duration", "mic_seconds"),
            ({"mic_seconds": 661}, "duration_too_long", "mic_seconds"),
            ({"mic_seconds": 2**80}, "validation_error", "mic_seconds"),
            ({"mic_seconds": 1.5}, "validation_error", "mic_seconds"),
            ({"mic_seconds": True}, "validation_error", "mic_seconds"),
            ({"speaker_seconds": 10**15}, "duration_too_long", "speaker_seconds"),
            ({"features": {"transcription": 661}}, "duration_too_long", "features.transcription"),
            ({"features": {"transcription": -5}}, "negative_duration", "features.transcription"),
            ({"features": {"karaoke": 5}}, "unknown_feature", "features.karaoke"),
            ({"features": None}, "validation_error", "features"),
        ],
    )
    def test_is_named_and_its_neighbors_are_taken(
        self, db: Database, http: httpx.Client, event: dict[str, Any], code: str, field: str
    ) -> None:
        agent = make_agent(db)
        wrong = {**call(), **event}

        taken = agent.send(http, state(), wrong, call())

        assert rejected(taken) == [(1, code, field)]
        assert taken["rejected"][0]["id"] == (None if "id" in event else wrong["id"])
        assert taken["rejected"][0]["message"]
        assert taken["accepted"] == 2
        assert seconds_by_device(db, agent.team.id) == (1, 300)

    @pytest.mark.parametrize(
        ("event", "field"),
        [
            ({"state": "happy"}, "state"),
            ({"state": "Online"}, "state"),
            ({"reason": "x" * 256}, "reason"),
            ({"reason": "two\nlines"}, "reason"),
            ({"call": {"app_name": "Phone"}}, "call.started_at"),
            ({"call": {"app_name": "\x7f", "started_at": "2026-11-22T04:00:00Z"}}, "call.app_name"),
            ({"mic": "Headset"}, "mic"),
            ({"mic": {"device": "x" * 1_000}}, "mic.device"),
            ({"speaker": {"device": "a\u2028b"}}, "speaker.device"),
            ({"speaker": {"muted": "yes"}}, "speaker.muted"),
        ],
    )
    def test_a_state_likewise(self, db: Database, http: httpx.Client, event: dict[str, Any], field: str) -> None:
        agent = make_agent(db)

        taken = agent.send(http, {**state(), **event}, state())

        assert rejected(taken) == [(0, "validation_error", field)]
        assert taken["accepted"] == 1

    @pytest.mark.parametrize("what", [7, None, "state", [], ["state"], {}])
    def test_what_is_no_event(self, db: Database, http: httpx.Client, what: Any) -> None:
        taken = make_agent(db).send(http, what, heartbeat())

        assert [one["index"] for one in taken["rejected"]] == [0]
        assert taken["accepted"] == 1

    def test_all_of_a_batch(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)

        taken = agent.send(http, {"kind": "heartbeat"}, state(at=clock.now() + HOUR))

        assert [one["code"] for one in taken["rejected"]] == ["validation_error", "too_far_ahead"]
        assert (taken["accepted"], taken["duplicates"]) == (0, 0)


class TestTimes:
    def test_clocks_may_be_ahead_by_five_minutes_and_reports_four_months_late(
        self, db: Database, http: httpx.Client
    ) -> None:
        agent, now = make_agent(db), clock.now()

        taken = agent.send(
            http,
            *(heartbeat(now + 4 * MINUTE), heartbeat(now + 6 * MINUTE)),
            *(heartbeat(now - 118 * DAY), heartbeat(now - 124 * DAY)),
            *(call(now + 4 * MINUTE), call(now + 6 * MINUTE), call(now - 118 * DAY), call(now - 124 * DAY)),
        )

        assert rejected(taken) == [
            *((1, "too_far_ahead", "at"), (3, "too_old", "at")),
            *((5, "too_far_ahead", "started_at"), (7, "too_old", "started_at")),
        ]

    @pytest.mark.parametrize(
        ("started_at", "code"),
        [
            ("0001-01-01T00:00:00+14:00", "too_old"),
            ("2020-01-01T00:00:00Z", "too_old"),
            ("2126-01-01T00:00:00Z", "too_far_ahead"),
            ("9999-12-31T23:59:59-14:00", "too_far_ahead"),
        ],
    )
    def test_a_call_that_goes_on_began_when_calls_may(
        self, db: Database, http: httpx.Client, started_at: str, code: str
    ) -> None:
        agent = make_agent(db)

        taken = agent.send(http, state("in_call", call={"app_name": "Phone", "started_at": started_at}))

        assert rejected(taken) == [(0, code, "call.started_at")]
        assert rows_of(db, "agent_event", agent.team.id) == []

    def test_a_call_lasts_a_day_at_most_and_ends_after_its_start(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        begin = clock.now() - 3 * DAY
        backwards = call(begin, ended_at=clock.iso(begin - 1), mic_seconds=0, speaker_seconds=0, features={})

        taken = agent.send(http, call(begin, seconds=86_400), call(begin, seconds=86_401), backwards)

        assert rejected(taken) == [(1, "call_too_long", "ended_at"), (2, "ends_before_start", "ended_at")]

    def test_durations_may_exceed_the_call_by_a_minute(self, db: Database, http: httpx.Client) -> None:
        longest = call(seconds=10, mic_seconds=70, speaker_seconds=70, features={"voice_translation": 70})

        assert make_agent(db).send(http, longest)["accepted"] == 1

    def test_the_newest_state_wins_whatever_the_order_of_arrival(self, db: Database, http: httpx.Client) -> None:
        agent, now = make_agent(db, now=clock.now() - HOUR), clock.now()

        agent.send(http, state("unhealthy", now - 10 * SECOND))
        agent.send(http, state("online", now - 30 * SECOND), state("in_call", now - 20 * SECOND))

        assert [row["shown_state"] for row in rows_of(db, "presence", agent.team.id)] == ["unhealthy"]


class TestLease:
    def test_is_renewed_by_what_is_accepted_when_it_is_received(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db, now=clock.now() - HOUR)
        sent_at, old = clock.now(), call(clock.now() - 5 * DAY)

        agent.send(http, old)
        lease = lease_of(db, agent.team.id, agent.device_id)
        agent.send(http, old)

        assert sent_at + ACTIVE_FOR <= lease <= clock.now() + ACTIVE_FOR
        assert lease_of(db, agent.team.id, agent.device_id) == lease

    def test_is_not_renewed_by_what_is_rejected(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db, now=clock.now() - HOUR)
        before = lease_of(db, agent.team.id, agent.device_id)

        agent.send(http, heartbeat(clock.now() + HOUR))

        assert lease_of(db, agent.team.id, agent.device_id) == before

    def test_a_device_that_was_away_is_back(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db, now=clock.now() - HOUR)
        agent.send(http, state("online", clock.now() - HOUR))

        agent.send(http, heartbeat())

        assert [row["shown_state"] for row in rows_of(db, "presence", agent.team.id)] == ["online"]

    def test_the_token_lives_on_by_use(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db, now=clock.now() - 20 * DAY)

        agent.send(http, heartbeat())

        (ends_at,) = tokens_of(db, agent.team.id, agent.device_id).values()
        assert ends_at > clock.now() + TOKEN_LIFE - MINUTE


def test_many_devices_share_a_limit_of_none(db: Database, http: httpx.Client) -> None:
    """What one device sends does not count against another."""
    team = make_device_team(db, seats=3)
    agents: list[Agent] = [make_agent(db, team, number) for number in range(3)]

    answers = [agent.post(http, [heartbeat()]) for agent in agents for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["ratelimit"].split(";")[1] for answer in answers[::3]}) == 1
