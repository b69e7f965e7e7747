"""Windows by exports of its registry, macOS by properties of CoreAudio, and the service files of all three systems."""

from __future__ import annotations

import plistlib
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agent_support.programs import carried_out
from callfloor_agent.audio.coreaudio import CoreAudioUnavailable, CoreAudioWatcher
from callfloor_agent.audio.registry_export import exported_entries
from callfloor_agent.audio.windows import ConsentWatcher
from callfloor_agent.services import InstallFailed, install, own_command, service_file, uninstall
from callfloor_agent.sight import Sight
from callfloor_agent.states import state_of

EXPORTS = Path(__file__).parent / "exports"
BOOTED_AT = 1_790_000_000_000


def windows_sight(name: str, *, booted_at: int = BOOTED_AT) -> Sight:
    """Return what the watcher sees of an export."""
    seen: list[Sight | None] = []
    entries = list(exported_entries((EXPORTS / name).read_bytes()))
    ConsentWatcher(seen.append, lambda: entries, booted_at=booted_at).look()
    (sight,) = seen
    assert sight is not None
    return sight


def test_a_program_whose_stop_is_zero_is_in_a_call() -> None:
    sight = windows_sight("in-call.reg")

    assert state_of(sight).state == "in_call"
    assert sight.app_names == ("Softphone", "MSTeams")
    assert sight.in_call_changed_at == 1_795_000_000_123


def test_programs_that_have_stopped_are_in_no_call() -> None:
    sight = windows_sight("idle.reg")

    assert (state_of(sight).state, sight.app_names) == ("online", ())


def test_use_that_began_before_windows_did_is_over() -> None:
    assert state_of(windows_sight("in-call.reg", booted_at=1_796_000_000_000)).state == "online"


def test_a_user_who_denies_the_microphone_is_unavailable() -> None:
    assert state_of(windows_sight("denied.reg")).state == "unavailable"


def test_a_store_that_cannot_be_read_is_told() -> None:
    def refuse() -> list[None]:
        raise OSError("access denied")

    seen: list[Sight | None] = []
    watcher = ConsentWatcher(seen.append, refuse)  # type: ignore[arg-type]  # it never returns
    watcher.look()

    assert seen == [None]
    assert "access denied" in str(watcher.problem)


class CoreAudio:
    """Properties: (object, selector) → number."""

    def __init__(self, numbers: dict[tuple[int, str], int]) -> None:
        self._numbers = numbers

    def number(self, object_id: int, selector: str) -> int:
        if (object_id, selector) not in self._numbers:
            raise CoreAudioUnavailable("no such property")
        return self._numbers[object_id, selector]


@pytest.mark.parametrize(
    ("numbers", "state"),
    [
        ({(1, "dIn "): 42, (1, "dOut"): 43, (42, "gone"): 1}, "in_call"),
        ({(1, "dIn "): 42, (1, "dOut"): 43, (42, "gone"): 0}, "online"),
        ({(1, "dIn "): 0, (1, "dOut"): 43}, "unavailable"),
        ({(1, "dIn "): 42, (1, "dOut"): 0, (42, "gone"): 1}, "unhealthy"),
    ],
)
def test_macos_tells_by_three_properties(numbers: dict[tuple[int, str], int], state: str) -> None:
    seen: list[Sight | None] = []

    CoreAudioWatcher(seen.append, CoreAudio(numbers)).look()

    assert state_of(seen[0]).state == state


def test_a_mac_that_does_not_tell_is_told() -> None:
    seen: list[Sight | None] = []
    watcher = CoreAudioWatcher(seen.append, CoreAudio({}))

    watcher.look()

    assert (seen, watcher.problem) == ([None], "no such property")


def test_the_systemd_unit_restarts_and_quotes() -> None:
    file = service_file("/opt/call floor/callfloor-agent", ("run", "--config", "/etc/100%.toml"), platform="linux")
    unit = file.content.decode()

    assert 'ExecStart="/opt/call floor/callfloor-agent" "run" "--config" "/etc/100%%.toml"' in unit
    assert "Restart=always" in unit
    assert file.path.name == "callfloor-agent.service"
    assert ("systemctl", "--user", "enable", "--now", "callfloor-agent.service") in file.enabling


def test_the_scheduled_task_starts_at_log_on_and_never_ends() -> None:
    file = service_file(
        r"C:\Program Files\A & B\callfloor-agent.exe", ("run", "--config", r"C:\a b.toml"), platform="win32"
    )
    task = ElementTree.fromstring(file.content.decode("utf-16"))  # noqa: S314  # our own
    names = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}

    assert task.find("t:Triggers/t:LogonTrigger", names) is not None
    assert task.findtext("t:Actions/t:Exec/t:Command", None, names) == r"C:\Program Files\A & B\callfloor-agent.exe"
    assert task.findtext("t:Actions/t:Exec/t:Arguments", None, names) == r'run --config "C:\a b.toml"'
    assert task.findtext("t:Settings/t:ExecutionTimeLimit", None, names) == "PT0S"


def test_on_windows_the_agent_opens_no_window() -> None:
    program, *arguments = own_command(platform="win32")

    assert (Path(program).name, Path(program).parent) == ("pythonw.exe", Path(sys.executable).parent)
    assert arguments == ["-m", "callfloor_agent"]


def test_the_launch_agent_is_kept_alive() -> None:
    file = service_file("/usr/local/bin/callfloor-agent", ("run",), platform="darwin")
    values = plistlib.loads(file.content)

    assert values["ProgramArguments"] == ["/usr/local/bin/callfloor-agent", "run"]
    assert values["KeepAlive"] is True


def test_a_service_is_installed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    log, systemctl = tmp_path / "log", tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f'#!/bin/sh\necho "$*" >> {log}\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:/usr/bin:/bin")
    assert shutil.which("systemctl") == str(systemctl)
    file = service_file("/usr/bin/callfloor-agent", ("run",), platform="linux")

    install(file)
    was_there = file.path.exists()
    uninstall(file)

    assert (was_there, file.path.exists()) == (True, False)
    assert log.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now callfloor-agent.service",
        "--user disable --now callfloor-agent.service",
    ]


def test_what_the_system_says_is_told_in_whatever_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_bytes(b"#!/bin/sh\nprintf 'verweigert \\201\\377' >&2\nexit 1\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(InstallFailed, match="verweigert"):
        install(service_file("/usr/bin/callfloor-agent", ("run",), platform="linux"))


def test_a_service_is_installed_by_a_file_and_not_by_this_shells_environment(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('language = "de"')
    refused = carried_out("service", "install", "--print", server="https://one.test", config=file)
    file.write_text('server = "https://one.test"')
    printed = carried_out("service", "install", "--print", config=file)

    assert (refused.returncode, "does not see the environment" in refused.stderr) == (1, True)
    assert printed.returncode == 0
    assert f'"run" "--config" "{file}"' in printed.stdout
