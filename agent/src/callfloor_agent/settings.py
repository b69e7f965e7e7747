"""The settings: a TOML file, then the environment, which wins; a wrong value stops the start with a sentence."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from callfloor_agent.desktop import PORTS
from callfloor_agent.pauses import LONGEST_SECONDS, SLOW_SECONDS

LANGUAGE = re.compile(
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3})?|[A-Za-z]{4,8})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))?"
)
"""Language, script, region and a variant (RFC 5646): with another tag, the server would take no call."""
PREFIX = "CALLFLOOR_AGENT_"
OF_THE_SERVER = frozenset(
    {"authorization_minutes", "code_hours", "limit_requests", "limit_window_seconds", "limit_block_seconds"}
)
"""Settings of the server with this prefix, which may be set in the same shell."""
TEXT = "utf-8-sig"
"""Editors of Windows begin a file with a byte order mark."""


Seconds = Annotated[float, Meta(ge=0.1)]


class SettingWrong(Exception):
    """A setting that cannot be used, and what to do."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting; in the environment its name is in capitals after CALLFLOOR_AGENT_.

    Args:
        server: the server's address, https; http only on this machine.
        ca_file: the authority to trust instead of the system's: the server's `tls/ca.pem`.
        team_secret: of the device team; `team_secret_file` is better.
        team_secret_file: a file with the secret, which only its owner may read; read anew at each log-in.
        state_dir: the folder of what the agent keeps.
        machine_id: left out, the operating system's own.
        hostname: left out, the operating system's own.
        username: left out, who runs the agent.
        app_name: of calls whose program is not known.
        language: of calls, a BCP 47 tag.
        desktop_ports: where the desktop app may listen; none: it is not followed.
        audio: whether the operating system's microphone use is followed where there is no desktop app.
        spool_max_events: beyond it the oldest that wait are given up.
        retry_longest_seconds: between two tries while the server is away.
        retry_slow_seconds: between two tries of what only an administrator can change.
        look_seconds: between two looks where nothing changes.
        log_level: debug, info, warning or error.
    """

    server: str = ""
    ca_file: Path | None = None
    team_secret: str | None = None
    team_secret_file: Path | None = None
    state_dir: Path | None = None
    machine_id: str | None = None
    hostname: str | None = None
    username: str | None = None
    app_name: str = "unknown"
    language: str | None = None
    desktop_ports: tuple[Annotated[int, Meta(ge=1, le=65_535)], ...] = PORTS
    audio: bool = True
    spool_max_events: Annotated[int, Meta(ge=1)] = 1_000_000
    retry_longest_seconds: Seconds = LONGEST_SECONDS
    retry_slow_seconds: Seconds = SLOW_SECONDS
    look_seconds: Seconds = 10.0
    log_level: str = "info"

    @property
    def state_folder(self) -> Path:
        """Return the folder of what the agent keeps."""
        return self.state_dir or default_state_folder()

    def secret(self) -> str:
        """Return the team's secret, read anew; empty without one.

        Raises:
            OSError: its file cannot be read, or is no text.
        """
        if self.team_secret_file is None:
            return self.team_secret or ""
        try:
            return self.team_secret_file.read_text(encoding=TEXT).strip()
        except UnicodeDecodeError as error:
            raise OSError(f"{self.team_secret_file} is no text in UTF-8") from error


def read_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings.

    Args:
        path: of the file; left out, CALLFLOOR_AGENT_CONFIG, else the usual one, which may be absent.
        environment: of the process.

    Raises:
        SettingWrong: the file cannot be read, or a value is not of its kind.
    """
    named = path or config_file_of(environment)
    values = _file_values(named or default_config_file(), is_needed=named is not None)
    names = {field.name: field for field in msgspec.structs.fields(Settings)}
    for variable, text in environment.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name != "config" and name not in OF_THE_SERVER:
            if name not in names:
                raise SettingWrong(f"{variable} is no setting")
            values[name] = [part for part in text.split(",") if part] if name == "desktop_ports" else text
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingWrong(f"a setting is wrong: {error}") from error
    _check_server(settings.server)
    if settings.language is not None and not LANGUAGE.fullmatch(settings.language):
        raise SettingWrong(f"language is a BCP 47 tag such as de or en-US, not {settings.language!r}")
    return settings


def config_file_of(environment: Mapping[str, str]) -> Path | None:
    """Return the file that the environment names, if it does."""
    named = environment.get(f"{PREFIX}CONFIG")
    return Path(named) if named else None


def default_config_file() -> Path:
    """Return where the settings are looked for."""
    return _folder(windows="Callfloor", macos="Callfloor", linux="callfloor-agent", is_state=False) / "agent.toml"


def default_state_folder() -> Path:
    """Return the folder of what the agent keeps, where no other is set."""
    return _folder(windows="Callfloor", macos="Callfloor", linux="callfloor-agent", is_state=True) / "state"


def _folder(*, windows: str, macos: str, linux: str, is_state: bool) -> Path:
    platform: str = sys.platform
    if platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / windows
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / macos
    variable, usual = ("XDG_STATE_HOME", ".local/state") if is_state else ("XDG_CONFIG_HOME", ".config")
    return Path(os.environ.get(variable) or Path.home() / usual) / linux


def _path(type_: type, value: object) -> object:
    if type_ is Path and isinstance(value, str) and value:
        return Path(value).expanduser()
    raise ValueError(f"{value!r} is no path")


def _file_values(path: Path, *, is_needed: bool) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding=TEXT))
    except FileNotFoundError as error:
        if is_needed:
            raise SettingWrong(f"there is no file {path}") from error
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingWrong(f"{path} cannot be read: {error}") from error


def _check_server(server: str) -> None:
    if not server:
        raise SettingWrong(f"no server is set: server in {default_config_file()}, or {PREFIX}SERVER")
    try:
        address = urlsplit(server)
        host, is_port = address.hostname or "", address.port != 0
    except ValueError:  # of the port, or of the brackets of an IPv6 address
        host, is_port = "", False
    if not (host and is_port) or address.scheme not in {"https", "http"}:
        raise SettingWrong(f"server is an address such as https://callfloor.example, not {server!r}")
    if address.scheme == "http" and not _is_this_machine(host):
        raise SettingWrong("server must be https: the team's secret would travel in the open")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
