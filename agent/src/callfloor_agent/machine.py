"""Who this machine is: what a log-in tells of it."""

from __future__ import annotations

import getpass
import platform
import socket
import subprocess
import sys
from pathlib import Path

from callfloor_agent import VERSION
from callfloor_agent.api import Machine
from callfloor_agent.events import fitting, new_event_id
from callfloor_agent.private_files import PrivateFile
from callfloor_agent.settings import Settings

LINUX_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
COMMAND_SECONDS = 10.0


def this_machine(settings: Settings) -> Machine:
    """Return this machine; an id that the operating system does not tell is made once, and kept."""
    system, version = _system()
    return Machine(
        machine_id=fitting(
            settings.machine_id or _system_machine_id(system) or _kept_machine_id(settings.state_folder)
        ),
        hostname=fitting(settings.hostname or socket.gethostname() or "unknown"),
        username=fitting(settings.username or _username()),
        os=system,
        os_version=fitting(version),
        app_version=VERSION,
    )


def _system() -> tuple[str, str]:
    name: str = sys.platform
    if name == "win32":
        return "windows", f"{platform.release()} {platform.version()}"
    if name == "darwin":
        return "macos", platform.mac_ver()[0]
    try:
        described = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        described = ""
    return "linux", described or platform.release()


def _system_machine_id(system: str) -> str | None:
    if system == "windows":
        return _windows_machine_id()
    if system == "macos":
        return _macos_machine_id()
    for path in LINUX_MACHINE_IDS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text and text != "uninitialized":
            return text
    return None


def _windows_machine_id() -> str | None:
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415  # there on Windows only

        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography", 0, access) as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0])
        except OSError:
            return None
    return None


def _macos_machine_id() -> str | None:
    try:
        answer = subprocess.run(
            ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"],
            capture_output=True,
            text=True,
            check=True,
            timeout=COMMAND_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    line = next((line for line in answer.stdout.splitlines() if "IOPlatformUUID" in line), "")
    return line.rpartition("=")[2].strip(' "') or None


def _kept_machine_id(folder: Path) -> str:
    file = PrivateFile(folder / "machine-id")
    known = file.read()
    if not known:
        known = new_event_id()
        file.write(known)
    return known


def _username() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
