"""The whole way: a desktop app that is played, the agent in a process, a real server, and what the portal shows."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path

import pytest

from agent_support.floor import Floor, until
from agent_support.programs import Running, carried_out, stand_in, started
from callfloor_agent.status import StatusFile

pytestmark = pytest.mark.timeout(400)
"""Many programs are started, each of which takes seconds on a busy machine."""


def play(app: Running, *lines: str) -> None:
    """Type lines to the stand-in."""
    for line in lines:
        app.type(line)


def play_until(app: Running, line: str, agent: Running, text: str) -> None:
    """Type a line to the stand-in, and wait until the agent then says so."""
    seen = len(agent.lines)
    app.type(line)
    agent.wait_for(text, after=seen)


def test_what_the_app_plays_is_what_the_portal_shows(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    with floor.running(), stand_in() as (app, port):
        settings = floor.settings(tmp_path / "agent", desktop_ports=port)
        with started("run", **settings) as agent:
            online = floor.wait_for_state("online")
            play(app, "mic nc on", "speaker ac on", 'mic device "Boom 1"', "in_call on")
            in_call = floor.wait_for_state("in_call")
            play(app, "mic none")
            unhealthy = floor.wait_for_state("unhealthy")
            play(app, 'mic device "Boom 2"')
            floor.wait_for_state("in_call")
            play(app, "in_call off", "speaker available off")
            floor.wait_for_state("unavailable")
            play(app, "speaker available on")
            floor.wait_for_state("online")
            used = floor.used()
            code = agent.end(signal.SIGTERM)
            offline = floor.wait_for_state("offline")

    assert online["device"]["hostname"] == "ws-1"
    assert in_call["metadata"]["mic"] == {
        "device": "Boom 1",
        "muted": False,
        "noise_cancellation": True,
        "accent_conversion": False,
    }
    assert in_call["metadata"]["speaker"]["accent_conversion"] is True
    assert in_call["call"]["started_at"]
    assert unhealthy["call"] is not None
    assert (used["calls"], used["mic_call_duration"] <= used["speaker_call_duration"]) == (1, True)
    assert offline["state"] == "offline"
    assert code == 0


def test_each_call_counts_once_through_kills_of_the_agent_the_app_and_the_server(tmp_path: Path) -> None:
    floor, folder = Floor(tmp_path), tmp_path / "agent"
    with floor.running(), stand_in() as (app, port):
        settings = floor.settings(folder, desktop_ports=port)
        with started("run", **settings) as agent:
            agent.wait_for("state: online")
            play(app, "in_call on")  # 1: the agent is killed in it, and finds it again
            floor.wait_for_state("in_call")
            agent.end(signal.SIGKILL)
        with started("run", **settings) as agent:
            agent.wait_for("state: in_call")
            play_until(app, "in_call off", agent, "state: online")
            play_until(app, "in_call on", agent, "state: in_call")  # 2: over before the kill, perhaps not delivered
            play_until(app, "in_call off", agent, "state: online")
            agent.end(signal.SIGKILL)
    with started("run", **settings) as agent:  # neither server nor app
        agent.wait_for("not delivered")
        with stand_in(port) as (app, _):
            agent.wait_for("state: online")
            for _ in range(5):  # 3 to 7: while the server is away
                play_until(app, "in_call on", agent, "state: in_call")
                play_until(app, "in_call off", agent, "state: online")
            agent.end(signal.SIGKILL)
    with floor.running(), stand_in(port) as (app, _), started("run", **settings) as agent:
        floor.wait_for_state("online")
        told = until(StatusFile(folder).read, lambda told: told.connected and told.spool.waiting == 0)
        used = floor.used()

    assert used["calls"] == 7
    assert (told.spool.rejected, told.spool.dropped) == (0, 0)


def test_a_call_in_which_the_app_restarts_is_corrected_not_counted_twice(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    with floor.running(), contextlib.ExitStack() as stack:
        with stand_in() as (app, port):
            settings = floor.settings(tmp_path / "agent", desktop_ports=port)
            agent = stack.enter_context(started("run", **settings))
            play(app, "in_call on")
            agent.wait_for("state: in_call")
            seen = len(agent.lines)
        agent.wait_for("revision 1")
        with stand_in(port, script=_script(tmp_path, "in_call on")) as (app, _):
            agent.wait_for("state: in_call", after=seen)
            play_until(app, "in_call off", agent, "revision 2")
            floor.wait_for_state("online")
            used = floor.used()

    assert used["calls"] == 1


def test_a_blocked_machine_is_let_in_again_with_what_it_kept(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    with floor.running(), stand_in() as (app, port):
        settings = floor.settings(tmp_path / "agent", desktop_ports=port)
        with started("run", **settings) as agent:
            floor.wait_for_state("online")
            seat = floor.ask("GET", "/api/v1/seats", status="assigned")["rows"][0]["id"]
            floor.ask("PUT", f"/api/v1/seats/block/{seat}")
            play(app, "in_call on")
            agent.wait_for("device_blocked")
            play(app, "in_call off")
            agent.wait_for("call: ")
            entry = floor.ask("GET", "/api/v1/team/block/list")["rows"][0]["id"]
            floor.ask("PUT", f"/api/v1/team/device/unblock/{entry}")
            floor.wait_for_state("online")
            used = until(floor.used, lambda used: used["calls"])

    assert used["calls"] == 1


def test_the_commands_tell_of_themselves(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    with floor.running(), stand_in() as (_, port):
        settings = floor.settings(tmp_path / "agent", desktop_ports=port)
        idle = carried_out("status", "--json", **settings)
        login = carried_out("login", "--json", **settings)
        with started("run", **settings):
            floor.wait_for_state("online")
            until(StatusFile(tmp_path / "agent").read, lambda told: told and told.connected and told.state == "online")
            told = carried_out("status", **settings)
            doctor = carried_out("doctor", "--json", **settings)
            second = carried_out("run", **settings)
        killed = carried_out("status", "--json", **settings)
        logout = carried_out("logout", **settings)

    findings = {one["name"]: one["result"] for one in json.loads(doctor.stdout)["findings"]}
    assert (idle.returncode, json.loads(idle.stdout)) == (3, {"running": False})
    assert json.loads(login.stdout)["device_id"]
    assert told.returncode == 0
    assert (killed.returncode, json.loads(killed.stdout)["running"], json.loads(killed.stdout)["connected"]) == (
        3,
        False,
        False,
    )
    assert "state              online" in told.stdout
    assert findings == {
        "server": "ok",
        "log-in": "ok",
        "clock": "ok",
        "agent": "ok",
        "desktop app": "ok",
        "microphone use": "ok",
        "events on disk": "ok",
    }
    assert (second.returncode, "already works" in second.stderr) == (1, True)
    assert (logout.returncode, logout.stdout) == (0, "logged out\n")


def test_the_doctor_names_the_remedy(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    with floor.running() as server:
        settings = floor.settings(tmp_path / "agent", desktop_ports="")
        stranger = carried_out("doctor", **{name: value for name, value in settings.items() if name != "ca_file"})
        floor.secret_file.write_text("not the secret")
        wrong = carried_out("doctor", **settings)
        server.stop()
    gone = carried_out("doctor", "--json", **settings)

    assert (stranger.returncode, "is not trusted" in stranger.stdout, "tls/ca.pem" in stranger.stdout) == (
        1,
        True,
        True,
    )
    assert (wrong.returncode, "team_secret_invalid" in wrong.stdout, "--rotate" in wrong.stdout) == (1, True, True)
    assert gone.returncode == 1
    assert json.loads(gone.stdout)["findings"][0]["result"] == "failed"


def _script(folder: Path, *lines: str) -> Path:
    path = folder / "script.txt"
    path.write_text("\n".join(lines))
    return path
