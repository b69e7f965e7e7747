"""Whoever may not send events is told so, before anything is looked at, and touches nothing."""

from __future__ import annotations

import httpx

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device, unassign_device
from callfloor.foundation import clock
from callfloor.foundation.clock import HOUR
from callfloor.foundation.database import Database
from tests.factories.devices import log_in, machine, make_device_team
from tests.factories.events import EVENTS, call, heartbeat, make_agent, state
from tests.ingest.looking import rows_of, seconds_by_device, seen_of
from tests.support.problems import problem


class TestRefused:
    def test_without_a_token_or_with_another(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        body = {"events": [heartbeat()]}

        for headers in (
            {},
            {"Authorization": "Bearer"},
            {"Authorization": "Basic eA=="},
            {"Authorization": "Bearer x"},
        ):
            answer = http.post(EVENTS, headers=headers, json=body)
            problem(answer, 401, "token_invalid")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert agent.send(http, heartbeat())["accepted"] == 1

    def test_before_its_body_is_judged(self, db: Database, http: httpx.Client) -> None:
        answer = http.post(EVENTS, headers={"Authorization": "Bearer x"}, content=b"no JSON")

        problem(answer, 401, "token_invalid")

    def test_once_blocked_and_with_the_reason(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)
        agent.send(http, call())
        command = ChangeDevice(agent.team.id, agent.device_id, OPERATOR, clock.now(), "stolen in May")
        db.write_now(lambda tx: block_device(tx, command))

        for events in ([call()], [heartbeat()], [{"kind": "none"}], []):
            assert "stolen in May" in problem(agent.post(http, events), 403, "device_blocked")["detail"]
        assert seconds_by_device(db, agent.team.id) == (1, 300)

    def test_once_unassigned_or_renamed(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db, seats=2)
        one, other = make_agent(db, team, 1, now=clock.now() - HOUR), make_agent(db, team, 2)
        log_in(db, team, machine(1, hostname="another"))
        command = ChangeDevice(team.id, other.device_id, OPERATOR, clock.now())
        db.write_now(lambda tx: unassign_device(tx, command))

        problem(one.post(http, [heartbeat()]), 401, "token_invalid")
        problem(other.post(http, [heartbeat()]), 401, "token_invalid")

    def test_other_methods_and_parameters(self, db: Database, http: httpx.Client) -> None:
        agent = make_agent(db)

        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = http.request(method, EVENTS, headers=agent.headers)
            problem(answer, 405, "method_not_allowed")
            assert answer.headers["allow"] == "POST"
        answer = http.post(f"{EVENTS}?now=1", headers=agent.headers, json={"events": [heartbeat()]})
        assert problem(answer, 422, "validation_error")["errors"][0]["field"] == "query"

    def test_another_teams_events_touch_nothing(self, db: Database, http: httpx.Client) -> None:
        """A token speaks for its own device: an event names neither a device nor a team."""
        victim, agent = make_agent(db), make_agent(db)
        victim.send(http, call(), state())
        before = seen_of(db, victim.team.id)
        forged = {"device_id": victim.device_id, "team_id": victim.team.id, "username": "root"}

        taken = agent.send(http, {**call(), **forged}, {**state("offline"), **forged})

        assert taken["accepted"] == 2
        assert seen_of(db, victim.team.id) == before
        assert [row["username"] for row in rows_of(db, "call_record", agent.team.id)] == ["ada"]
