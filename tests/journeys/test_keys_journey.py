"""The life of a key by the command line, beside a running server."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from tests.contracts.portal_client import PortalClient
from tests.support.server import run_command, running_server

KINDS = ("portal", "conversations", "api")


def test_a_key_is_renamed_rotated_bound_to_networks_and_its_use_is_known(
    tmp_path: Path, fresh_database_url: str
) -> None:
    where = ["--data", str(tmp_path), "--database", fresh_database_url, "--json"]

    def command(*arguments: str) -> dict[str, Any]:
        run = run_command(*arguments, *where)
        assert run.returncode == 0, run.stderr
        answer: dict[str, Any] = json.loads(run.stdout)
        return answer

    with (
        running_server(tmp_path, "--no-worker", database_url=fresh_database_url) as server,
        server.client() as http,
    ):
        team = str(command("team", "create", "Sales", "--type", "email", "--seats", "1")["team_id"])
        of_team = ("--team", team)
        key = command("key", "create", *of_team, "--kind", "portal", "--name", "ops")
        key_id = str(key["id"])

        def error(name: str, secret: str) -> str | None:
            return PortalClient(http, name, secret).seats().error

        assert error("ops", key["secret"]) is None
        command("key", "rename", key_id, "night", *of_team)
        assert error("ops", key["secret"]) == "AUTH_BASIC_INVALID_TOKEN"

        rotated = command("key", "rotate", key_id, *of_team)
        assert [one["prefix"] for one in rotated["secrets"]] == [rotated["secret"][:6], key["secret"][:6]]
        assert error("night", key["secret"]) is error("night", rotated["secret"]) is None
        command("key", "rotate", key_id, "--end-old", *of_team)
        assert error("night", key["secret"]) == "AUTH_BASIC_INVALID_TOKEN"
        assert error("night", rotated["secret"]) is None

        command("key", "restrict", key_id, "--network", "192.0.2.0/24", *of_team)
        assert error("night", rotated["secret"]) == "AUTH_BASIC_INVALID_TOKEN"
        command("key", "restrict", key_id, *of_team)
        assert error("night", rotated["secret"]) is None

        bound = command("key", "expire", key_id, "--in-days", "90", *of_team)
        endless = command("key", "expire", key_id, *of_team)
        assert (bound["expires_at"] > bound["created_at"], endless["expires_at"]) == (True, None)

    (listed,) = command("key", "list", *of_team)["keys"]
    assert (listed["name"], listed["networks"]) == ("night", None)
    assert listed["last_used_at"] >= listed["created_at"]


def test_a_key_is_made_for_some_days(tmp_path: Path, fresh_database_url: str) -> None:
    where = ["--data", str(tmp_path), "--database", fresh_database_url, "--json"]
    team = json.loads(run_command("team", "create", "Sales", "--type", "email", *where).stdout)["team_id"]
    create = ("key", "create", "--team", str(team), "--name", "audit", "--expires-in-days")

    made = {kind: json.loads(run_command(*create, "30", "--kind", kind, *where).stdout) for kind in KINDS}
    too_long = run_command(*create, "366", "--kind", "conversations", *where)
    beyond = run_command(*create, "3651", "--kind", "portal", *where)
    listed = json.loads(run_command("key", "list", "--team", str(team), *where).stdout)["keys"]

    assert {key["kind"]: key["expires_at"] for key in listed} == {kind: made[kind]["expires_at"] for kind in KINDS}
    assert all(days_between(key["created_at"], key["expires_at"]) == 30 for key in listed)
    assert (too_long.returncode, too_long.stdout) == (1, "")
    assert "at most 365 days" in too_long.stderr
    assert (beyond.returncode, beyond.stdout) == (2, "")


def days_between(first: str, second: str) -> float:
    """Return how many days lie between two instants."""
    begin, end = (datetime.datetime.fromisoformat(one) for one in (first, second))
    return (end - begin) / datetime.timedelta(days=1)
