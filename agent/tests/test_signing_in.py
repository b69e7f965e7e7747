"""A person's machine signs in to a real server: confirmed by the person, or by an administrator's code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_support import DEADLINE_SECONDS
from agent_support.programs import carried_out, started
from callfloor.access.tables import Role
from callfloor.foundation.database import open_database
from tests.factories.agents import make_signed_in
from tests.factories.devices import HASH_KEY
from tests.factories.teams import make_team
from tests.support.server import running_server

pytestmark = pytest.mark.timeout(400)
KEY = {"CALLFLOOR_SECRET_KEY": HASH_KEY.decode()}


def test_a_machine_is_let_in_once_its_person_confirms_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data, "--no-worker", settings=KEY) as server:
        db = open_database(f"sqlite:///{data / 'callfloor.db'}")
        ada = make_signed_in(db, make_team(db, seats=2))
        db.close_now()
        settings = {
            "server": server.url,
            "ca_file": server.authority,
            "state_dir": tmp_path / "agent",
            "audio": "false",
            "desktop_ports": "",
        }
        with started("login", "--person", "--json", **settings) as agent:
            shown = agent.wait_for("open ")
            code = agent.wait_for("confirm ").rpartition(" ")[2]
            with server.client(headers=ada.headers) as http:
                approved = http.post(f"/api/v2/agent-authorizations/{code}/approval")
            told = agent.wait_for("seat_id")
            exit_code = agent.process.wait(DEADLINE_SECONDS)
        logout = carried_out("logout", **settings)
        unknown = carried_out("login", "--code", "BCDF-GHJK-LMNP-QRST", **settings)

    assert f"{server.url}/authorize?code={code}" in shown
    assert approved.status_code == 200
    assert (json.loads(told)["seat_id"], exit_code) == (ada.seat_id, 0)
    assert logout.returncode == 0
    assert unknown.returncode == 1
    assert "agent_code_invalid" in unknown.stderr


def test_a_person_signs_in_beside_an_agent_that_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data, "--no-worker", settings=KEY) as server:
        db = open_database(f"sqlite:///{data / 'callfloor.db'}")
        team = make_team(db, seats=2)
        ada, admin = make_signed_in(db, team), make_signed_in(db, team, role=Role.ADMIN)
        db.close_now()
        settings = {
            "server": server.url,
            "ca_file": server.authority,
            "state_dir": tmp_path / "agent",
            "audio": "false",
            "desktop_ports": "",
        }
        with started("run", **settings) as agent, server.client(headers=admin.headers) as http:
            agent.wait_for("login --person")
            unknown = carried_out("doctor", **settings)
            code = http.post(f"/api/v2/people/{ada.account_id}/agent-codes").json()["code"]
            login = carried_out("login", "--code", code, **settings)
            agent.wait_for("connected to")
            signed_in = carried_out("doctor", **settings)
            (device,) = http.get("/api/v2/devices").json()["data"]
            http.delete(f"/api/v2/devices/{device['id']}/tokens").raise_for_status()
            ended = carried_out("doctor", **settings)
            logout = carried_out("logout", **settings)

    assert login.returncode == 0
    assert (unknown.returncode, "failed   log-in: team_secret_missing" in unknown.stdout) == (1, True)
    assert f"ok       log-in: device {device['id']} on seat {ada.seat_id}" in signed_in.stdout
    assert (ended.returncode, "failed   log-in: token_invalid" in ended.stdout) == (1, True)
    assert (logout.returncode, "already works" in logout.stderr) == (1, True)
