"""The commands, where something is not as it should be: a sentence, and an exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from agent_support import DEADLINE_SECONDS
from agent_support.floor import until
from agent_support.programs import carried_out, environment
from callfloor_agent.status import FolderLock

pytestmark = pytest.mark.timeout(400)
UNSEEN = "import sys; sys.stderr = None; sys.argv[1:] = ['run']; from callfloor_agent.cli import main; main()"
NOBODY = {"server": "https://127.0.0.1:9", "audio": "false", "desktop_ports": ""}


@pytest.mark.parametrize("command", ["run", "login", "doctor", "logout", "simulate"])
def test_an_authority_that_is_not_there_is_named(tmp_path: Path, command: str) -> None:
    ended = carried_out(command, **NOBODY, state_dir=tmp_path, ca_file=tmp_path / "absent.pem", team_secret="x")

    assert ended.returncode == 1
    assert f"ca_file {tmp_path / 'absent.pem'} cannot be used: No such file" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", ["run", "status", "status --rejected", "doctor"])
def test_a_state_folder_that_is_none_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("")

    ended = carried_out(*command.split(), **NOBODY, state_dir=tmp_path / "file", team_secret="x")

    assert ended.returncode == 1
    assert str(tmp_path / "file") in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_lock_that_cannot_be_had_is_told(tmp_path: Path, command: str) -> None:
    (tmp_path / "lock").mkdir()

    ended = carried_out(command, **NOBODY, state_dir=tmp_path)

    assert ended.returncode == 1
    assert f"{tmp_path} cannot be locked" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_secret_that_is_no_text_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "team.secret"
    secret.write_bytes("the secret".encode("utf-16"))

    ended = carried_out("login", **NOBODY, state_dir=tmp_path, team_secret_file=secret)

    assert (ended.returncode, ended.stderr) == (1, f"{secret} is no text in UTF-8\n")


@pytest.mark.parametrize("options", [("--script", "absent.txt"), ("--port", "99999")])
def test_a_stand_in_without_its_script_or_port_says_so(options: tuple[str, str]) -> None:
    ended = carried_out("desktop-stand-in", *options)

    assert ended.returncode == 2
    assert options[0] in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_standard_error_the_log_is_a_file(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", UNSEEN], env=environment(**NOBODY, state_dir=tmp_path))
    try:
        until((tmp_path / "agent.log").exists, bool)
        text = until((tmp_path / "agent.log").read_text, lambda text: "team_secret_missing" in text)
    finally:
        process.kill()
        process.wait()

    assert "watching; events are kept in" in text


def unseen_end(**settings: object) -> int:
    """Let the agent run to its end without standard error; return its exit code."""
    ended = subprocess.run(
        [sys.executable, "-c", UNSEEN], env=environment(**settings), check=False, timeout=DEADLINE_SECONDS
    )
    return ended.returncode


@pytest.mark.parametrize(
    ("setting", "told"),
    [({"ca_file": "absent.pem"}, "ca_file absent.pem cannot be used"), ({"log_level": "loud"}, "not 'loud'")],
)
def test_without_standard_error_what_stops_the_start_is_in_the_log(
    tmp_path: Path, setting: dict[str, str], told: str
) -> None:
    assert unseen_end(**NOBODY, state_dir=tmp_path, **setting) == 1

    assert told in (tmp_path / "agent.log").read_text()


def test_without_standard_error_a_second_agent_says_so_in_the_log(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)

    assert unseen_end(**NOBODY, state_dir=tmp_path) == 1

    lock.release()
    assert f"an agent already works in {tmp_path}" in (tmp_path / "agent.log").read_text()


def test_without_standard_error_a_broken_spool_is_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "spool.db").mkdir()

    assert unseen_end(**NOBODY, state_dir=tmp_path) == 1

    assert "spool.db cannot be opened" in (tmp_path / "agent.log").read_text()


@pytest.mark.parametrize("setting", ["look_seconds", "no_setting"])
def test_without_standard_error_settings_that_cannot_be_read_are_told_in_the_usual_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert unseen_end(**NOBODY, state_dir=tmp_path / "other", **{setting: "x"}) == 1

    assert setting in (tmp_path / "callfloor-agent" / "state" / "agent.log").read_text().lower()


def test_a_lock_that_cannot_be_had_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"this is no database, " * 1000)

    with pytest.raises(OSError, match="cannot be locked") as told:
        FolderLock(tmp_path)

    still_open = [one.filename for one in apsw.connections()]
    assert (told.type, str(tmp_path / "lock") in still_open) == (OSError, False)


def test_what_an_output_has_no_letters_for_is_told_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")  # of what Windows writes to a file

    ended = carried_out("doctor", **NOBODY, state_dir=tmp_path, team_secret="x")

    assert ended.returncode == 1
    assert "? check server and ca_file" in ended.stdout
    assert "UnicodeEncodeError" not in ended.stderr
