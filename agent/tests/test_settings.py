"""The settings: file, then environment; what is wrong is said."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.foundation.environment import OF_THE_AGENT, variables
from callfloor.foundation.environment import read_settings as read_server_settings
from callfloor.ingest.language_tags import canonical_tag
from callfloor_agent.settings import LANGUAGE, OF_THE_SERVER, PREFIX, Settings, SettingWrong, read_settings

SERVER = {"CALLFLOOR_AGENT_SERVER": "https://callfloor.test"}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('server = "https://one.test"\nhostname = "ws-1"\ndesktop_ports = [1, 2]\n')

    settings = read_settings(file, {**SERVER, "CALLFLOOR_AGENT_AUDIO": "false", "CALLFLOOR_AGENT_LOOK_SECONDS": "2.5"})

    assert (settings.server, settings.hostname, settings.desktop_ports) == ("https://callfloor.test", "ws-1", (1, 2))
    assert (settings.audio, settings.look_seconds) == (False, 2.5)


def test_the_file_is_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('server = "https://one.test"\n')

    assert read_settings(None, {"CALLFLOOR_AGENT_CONFIG": str(file)}).server == "https://one.test"


def test_ports_are_separated_by_commas_and_none_switches_off() -> None:
    assert read_settings(None, {**SERVER, "CALLFLOOR_AGENT_DESKTOP_PORTS": "5,6"}).desktop_ports == (5, 6)
    assert read_settings(None, {**SERVER, "CALLFLOOR_AGENT_DESKTOP_PORTS": ""}).desktop_ports == ()


def test_the_secret_is_read_anew_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "team.secret"
    file.write_text("first\n")
    settings = read_settings(None, {**SERVER, "CALLFLOOR_AGENT_TEAM_SECRET_FILE": str(file)})
    before = settings.secret()
    file.write_text("second\n")

    assert (before, settings.secret()) == ("first", "second")


def test_files_of_windows_editors_are_read(tmp_path: Path) -> None:
    file, secret = tmp_path / "agent.toml", tmp_path / "team.secret"
    file.write_bytes(b'\xef\xbb\xbfserver = "https://one.test"\r\n')
    secret.write_bytes(b"\xef\xbb\xbfthe secret\r\n")

    settings = read_settings(file, {"CALLFLOOR_AGENT_TEAM_SECRET_FILE": str(secret)})

    assert (settings.server, settings.secret()) == ("https://one.test", "the secret")


def test_a_secret_that_is_no_text_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "team.secret"
    secret.write_bytes("the secret".encode("utf-16"))
    settings = read_settings(None, {**SERVER, "CALLFLOOR_AGENT_TEAM_SECRET_FILE": str(secret)})

    with pytest.raises(OSError, match=r"team\.secret is no text in UTF-8"):
        settings.secret()


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "no server is set"),
        ({"CALLFLOOR_AGENT_SERVER": "callfloor.test"}, "server is an address"),
        ({"CALLFLOOR_AGENT_SERVER": "https://callfloor.test:99999"}, "server is an address"),
        ({"CALLFLOOR_AGENT_SERVER": "https://[callfloor.test"}, "server is an address"),
        ({"CALLFLOOR_AGENT_SERVER": "http://callfloor.test"}, "server must be https"),
        ({**SERVER, "CALLFLOOR_AGENT_SERVRE": "x"}, "CALLFLOOR_AGENT_SERVRE is no setting"),
        ({**SERVER, "CALLFLOOR_AGENT_AUDIO": "perhaps"}, "a setting is wrong"),
        ({**SERVER, "CALLFLOOR_AGENT_DESKTOP_PORTS": "x"}, "a setting is wrong"),
        ({**SERVER, "CALLFLOOR_AGENT_DESKTOP_PORTS": "99999"}, "a setting is wrong.*65535.*desktop_ports"),
        ({**SERVER, "CALLFLOOR_AGENT_SPOOL_MAX_EVENTS": "0"}, "a setting is wrong.*spool_max_events"),
        ({**SERVER, "CALLFLOOR_AGENT_LOOK_SECONDS": "0"}, "a setting is wrong.*look_seconds"),
        ({**SERVER, "CALLFLOOR_AGENT_RETRY_SLOW_SECONDS": "-1"}, "a setting is wrong.*retry_slow_seconds"),
        ({**SERVER, "CALLFLOOR_AGENT_LANGUAGE": "German!"}, "language is a BCP 47 tag"),
        ({**SERVER, "CALLFLOOR_AGENT_LANGUAGE": "en_US"}, "language is a BCP 47 tag"),
        ({**SERVER, "CALLFLOOR_AGENT_LANGUAGE": "en-US-utf8"}, "language is a BCP 47 tag"),
        ({**SERVER, "CALLFLOOR_AGENT_LANGUAGE": "de-a"}, "language is a BCP 47 tag"),
        ({"CALLFLOOR_AGENT_CONFIG": "absent.toml"}, "there is no file absent.toml"),
    ],
)
def test_what_is_wrong_is_said(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingWrong, match=sentence):
        read_settings(None, environment)


@given(st.from_regex(LANGUAGE, fullmatch=True))
def test_a_language_that_is_taken_is_one_to_the_server_too(language: str) -> None:
    settings = read_settings(None, {**SERVER, "CALLFLOOR_AGENT_LANGUAGE": language})

    assert canonical_tag(str(settings.language))


@pytest.mark.parametrize("language", ["de", "de-DE", "zh-Hant-TW", "es-419", "de-CH-1996", "yue", "zh-yue-HK"])
def test_usual_languages_are_taken(language: str) -> None:
    assert read_settings(None, {**SERVER, "CALLFLOOR_AGENT_LANGUAGE": language}).language == language


def test_the_server_and_its_agent_may_be_set_in_one_shell() -> None:
    of_agent = {f"{PREFIX}{field.name.upper()}" for field in msgspec.structs.fields(Settings)} | {f"{PREFIX}CONFIG"}
    of_server = {variable.name for variable in variables() if variable.name.startswith(PREFIX)}

    assert of_agent == OF_THE_AGENT
    assert of_server == {f"{PREFIX}{name.upper()}" for name in OF_THE_SERVER}
    assert read_server_settings(dict.fromkeys(of_agent, "x")) == read_server_settings({})
    assert read_settings(None, {**SERVER, **dict.fromkeys(of_server, "x")}).server == "https://callfloor.test"


def test_plain_http_is_for_this_machine_only() -> None:
    for server in ("http://127.0.0.1:8443", "http://localhost:8443", "http://[::1]:8443"):
        assert read_settings(None, {"CALLFLOOR_AGENT_SERVER": server}).server == server


def test_a_file_with_an_unknown_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('sevrer = "https://one.test"\n')

    with pytest.raises(SettingWrong, match="sevrer"):
        read_settings(file, {})
