"""The command line: before the first start, beside a running server, and what it says."""

from __future__ import annotations

import importlib.metadata
import json
import socket
from pathlib import Path

import pytest

from tests.support.server import run_command, running_server


class TestJson:
    def test_is_exactly_one_object_before_the_first_start(self, tmp_path: Path, fresh_database_url: str) -> None:
        place = ("--data", str(tmp_path / "absent"), "--database", fresh_database_url)

        done = run_command("team", "create", "Ada & Söhne", "--type", "email", *place, "--json")

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1
        assert {"team_id", "client_id"} <= json.loads(done.stdout).keys()

    def test_works_beside_a_running_server(self, tmp_path: Path) -> None:
        with running_server(tmp_path, "--no-worker") as server, server.client() as client:
            team = run_command("team", "create", "Ada", "--type", "device", "--data", str(tmp_path), "--json")
            team_id = json.loads(team.stdout)["team_id"]
            key = run_command(
                "key", "create", "--team", str(team_id), "--kind", "portal", "--name", "ci", "--data", str(tmp_path),
                "--json",
            )  # fmt: skip
            secret = json.loads(key.stdout)["secret"]

            seats = client.get("/api/v1/seats", auth=("ci", secret))
            assert (seats.status_code, seats.json()["code"]) == (200, 0)
            assert seats.json()["req_id"] == seats.headers["x-request-id"]
            assert secret not in "".join(server.lines)

    def test_of_a_refusal_is_nothing_on_stdout(self, tmp_path: Path) -> None:
        done = run_command(
            "key", "create", "--team", "999", "--kind", "portal", "--name", "x", "--data", str(tmp_path), "--json"
        )

        assert done.returncode != 0
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr


class TestMigrate:
    def test_says_whether_anything_was_to_do(self, tmp_path: Path) -> None:
        first = run_command("migrate", "--data", str(tmp_path / "absent"))
        second = run_command("migrate", "--data", str(tmp_path / "absent"))

        assert (first.returncode, first.stdout) == (0, "The database was brought to this release's schema.\n")
        assert (second.returncode, second.stdout) == (0, "The database is up to date.\n")


class TestDoctor:
    def test_finds_a_missing_model_and_makes_nothing(self, tmp_path: Path) -> None:
        absent = tmp_path / "absent"
        models = {"CALLFLOOR_MODELS_DIR": str(tmp_path / "models")}

        done = run_command("doctor", "--data", str(absent), "--port", "1", settings=models)

        assert done.returncode == 1
        assert f"BAD   speech model  base is not in {tmp_path / 'models' / 'base'}" in done.stdout
        assert "ok    python" in done.stdout
        assert not absent.exists()

    def test_is_content_with_what_a_server_left(self, tmp_path: Path) -> None:
        model = tmp_path / "model"
        model.mkdir()
        (model / "model.bin").write_bytes(b"")
        with running_server(tmp_path / "data", "--no-worker") as server:
            port = str(server.port)
        settings = {"CALLFLOOR_SPEECH_MODEL": str(model)}

        done = run_command("doctor", "--data", str(tmp_path / "data"), "--port", port, settings=settings)

        assert (done.returncode, done.stderr) == (0, "")
        assert "BAD" not in done.stdout
        assert "ok    certificate" in done.stdout
        assert f"ok    port          {port} on 127.0.0.1 is free." in done.stdout

    def test_tells_of_a_taken_port_and_a_database_that_is_gone(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            url = "postgresql://nobody@127.0.0.1:1/none"
            done = run_command("doctor", "--data", str(tmp_path), "--port", port, "--database", url)

        assert done.returncode == 1
        assert "BAD   database      the database cannot be reached" in done.stdout
        assert f"note  port          Port {port} on 127.0.0.1 is in use" in done.stdout


class TestHelp:
    def test_version_is_the_packages(self) -> None:
        assert run_command("--version").stdout == importlib.metadata.version("callfloor") + "\n"

    def test_lists_every_group_of_commands(self) -> None:
        done = run_command("--help")

        assert done.returncode == 0
        for name in ("serve", "worker", "migrate", "doctor", "team", "user", "key", "models"):
            assert name in done.stdout

    @pytest.mark.parametrize("group", ["user", "models"])
    def test_of_a_group_lists_its_commands(self, group: str) -> None:
        done = run_command(group, "--help")

        assert done.returncode == 0
        assert f"Usage: callfloor {group}" in done.stdout.replace("python -m callfloor.server.cli", "callfloor")
