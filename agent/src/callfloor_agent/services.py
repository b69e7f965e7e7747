"""What starts the agent with the person's session, on each operating system.

It runs in the session, not as a service of the machine: the microphone, the sound server and the consent store are the
session's.
"""

from __future__ import annotations

import dataclasses
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

NAME = "callfloor-agent"
TASK_NAME = "Callfloor Agent"
LABEL = "callfloor.agent"
COMMAND_SECONDS = 60.0


class InstallFailed(Exception):
    """A program of the operating system refused."""


@dataclasses.dataclass(frozen=True)
class ServiceFile:
    """A file to write, and the commands that make the operating system read it, and forget it."""

    path: Path
    content: bytes
    enabling: tuple[tuple[str, ...], ...]
    disabling: tuple[tuple[str, ...], ...]


def own_command(*, platform: str = sys.platform) -> tuple[str, ...]:
    """Return the agent's command with full paths; on Windows one that opens no window in the person's session."""
    interpreter = Path(sys.executable)
    if platform == "win32":
        return str(interpreter.with_name("pythonw.exe")), "-m", "callfloor_agent"
    found = shutil.which(NAME) or shutil.which(NAME, path=str(interpreter.parent))
    return (str(Path(found).resolve()),) if found else (str(interpreter), "-m", "callfloor_agent")


def service_file(program: str, arguments: tuple[str, ...], *, platform: str = sys.platform) -> ServiceFile:
    """Return the service file: a systemd user unit, a scheduled task of Windows, or a launch agent of macOS.

    Args:
        program: the full path of the program to start.
        arguments: of the program.
        platform: as `sys.platform` names it.
    """
    if platform == "win32":
        return _scheduled_task(program, arguments)
    if platform == "darwin":
        return _launch_agent(program, arguments)
    return _systemd_unit(program, arguments)


def install(file: ServiceFile) -> None:
    """Write the file and start the service.

    Raises:
        InstallFailed: the operating system refuses; the file stays.
    """
    file.path.parent.mkdir(parents=True, exist_ok=True)
    file.path.write_bytes(file.content)
    _run_all(file.enabling)


def uninstall(file: ServiceFile) -> None:
    """Stop the service and remove the file.

    Raises:
        InstallFailed: the operating system refuses; the file stays.
    """
    _run_all(file.disabling)
    file.path.unlink(missing_ok=True)


def _run_all(commands: tuple[tuple[str, ...], ...]) -> None:
    for command in commands:
        try:
            answer = subprocess.run(
                command, capture_output=True, text=True, errors="replace", check=False, timeout=COMMAND_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise InstallFailed(f"{shlex.join(command)}: {error}") from error
        if answer.returncode:
            raise InstallFailed(f"{shlex.join(command)}: {(answer.stderr or answer.stdout).strip()}")


def _systemd_unit(program: str, arguments: tuple[str, ...]) -> ServiceFile:
    unit = f"""\
[Unit]
Description=Callfloor agent: tells Callfloor of calls, devices and states
After=pipewire-pulse.service pulseaudio.service

[Service]
ExecStart={" ".join(map(_systemd_word, (program, *arguments)))}
Restart=always
RestartSec=5
TimeoutStopSec=15
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=default.target
"""
    return ServiceFile(
        Path.home() / ".config" / "systemd" / "user" / f"{NAME}.service",
        unit.encode(),
        (("systemctl", "--user", "daemon-reload"), ("systemctl", "--user", "enable", "--now", f"{NAME}.service")),
        (("systemctl", "--user", "disable", "--now", f"{NAME}.service"),),
    )


def _systemd_word(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _scheduled_task(program: str, arguments: tuple[str, ...]) -> ServiceFile:
    task = f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Tells Callfloor of calls, devices and states</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <GroupId>S-1-5-32-545</GroupId>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Hidden>true</Hidden>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(arguments))}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
    path = Path.home() / "AppData" / "Local" / "Callfloor" / "agent-task.xml"
    create = ("schtasks", "/Create", "/TN", TASK_NAME, "/XML", str(path), "/F")
    return ServiceFile(
        path,
        task.encode("utf-16"),
        (create, ("schtasks", "/Run", "/TN", TASK_NAME)),
        (("schtasks", "/End", "/TN", TASK_NAME), ("schtasks", "/Delete", "/TN", TASK_NAME, "/F")),
    )


def _launch_agent(program: str, arguments: tuple[str, ...]) -> ServiceFile:
    path = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    content = plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": [program, *arguments],
            "RunAtLoad": True,
            "KeepAlive": True,
            "ProcessType": "Background",
            "StandardErrorPath": str(Path.home() / "Library" / "Logs" / f"{NAME}.log"),
        }
    )
    return ServiceFile(
        path, content, (("launchctl", "load", "-w", str(path)),), (("launchctl", "unload", "-w", str(path)),)
    )
