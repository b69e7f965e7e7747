"""Settings: read from the environment, refused with one sentence a variable, documented."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from callfloor.foundation.environment import SettingsRefused, read_settings, variables
from callfloor.foundation.settings import with_secret_key
from callfloor.server.settings_reference import reference

KEY = "k" * 40


def sentences(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        read_settings(environ)
    return refused.value.sentences


class TestReadSettings:
    def test_has_a_default_for_everything(self) -> None:
        settings = read_settings({})

        assert settings.rate_limit.requests == 700
        assert settings.rate_limit.window_seconds == 60
        assert settings.rate_limit.block_seconds == 3600
        assert settings.upload.max_bytes == 2_000_000_000
        assert settings.upload.max_seconds == 6 * 3600

    def test_reads_nested_names(self) -> None:
        settings = read_settings({"CALLFLOOR_RATE_LIMIT_REQUESTS": "5", "CALLFLOOR_SPEECH_MODEL": "tiny.en"})

        assert settings.rate_limit.requests == 5
        assert settings.speech.model == "tiny.en"

    def test_reads_lists_separated_by_commas(self) -> None:
        settings = read_settings(
            {"CALLFLOOR_TRUSTED_PROXIES": "10.0.0.0/8, ::1", "CALLFLOOR_TLS_NAMES": "a.test,b.test"}
        )

        assert settings.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))
        assert settings.tls.names == ("a.test", "b.test")

    def test_takes_an_empty_variable_as_not_set(self) -> None:
        assert read_settings({"CALLFLOOR_PUBLIC_URL": ""}).public_url is None

    def test_ignores_what_is_not_ours(self) -> None:
        assert read_settings({"PATH": "/bin", "CALL": "x"}) == read_settings({})

    def test_lets_the_command_line_win(self) -> None:
        settings = read_settings({"CALLFLOOR_DATA": "/a"}, data=Path("/b"), database=None)

        assert settings.data == Path("/b")

    def test_keeps_the_database_in_the_data_folder_unless_told(self) -> None:
        assert read_settings({"CALLFLOOR_DATA": "/srv/c"}).database_url == "sqlite:////srv/c/callfloor.db"
        assert read_settings({"CALLFLOOR_DATABASE": "postgresql://h/n"}).database_url == "postgresql://h/n"

    def test_never_shows_a_secret(self) -> None:
        settings = read_settings({"CALLFLOOR_DATABASE": "postgresql://u:hunter2@h/n", "CALLFLOOR_SECRET_KEY": KEY})

        assert "hunter2" not in repr(settings)
        assert KEY not in f"{settings} {settings.model_dump()}"


class TestSecretFromFile:
    def test_is_read_without_its_last_newline(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8")

        settings = read_settings({"CALLFLOOR_SECRET_KEY_FILE": str(tmp_path / "key")})

        assert settings.hash_key == KEY.encode()

    def test_is_refused_beside_the_variable(self, tmp_path: Path) -> None:
        both = {"CALLFLOOR_SECRET_KEY": KEY, "CALLFLOOR_SECRET_KEY_FILE": str(tmp_path / "key")}

        assert sentences(both) == ["Set CALLFLOOR_SECRET_KEY or CALLFLOOR_SECRET_KEY_FILE, not both."]

    def test_is_refused_when_it_is_not_there(self, tmp_path: Path) -> None:
        (sentence,) = sentences({"CALLFLOOR_DATABASE_FILE": str(tmp_path / "none")})

        assert sentence == (
            f"CALLFLOOR_DATABASE_FILE must name a readable file, and '{tmp_path / 'none'}' is not: "
            "No such file or directory."
        )

    def test_is_unknown_for_what_is_no_secret(self) -> None:
        (sentence,) = sentences({"CALLFLOOR_SPEECH_MODEL_FILE": "x"})

        assert sentence.startswith("CALLFLOOR_SPEECH_MODEL_FILE is not a setting of Callfloor.")


class TestRefusal:
    @pytest.mark.parametrize(
        ("name", "value", "sentence"),
        [
            ("RATE_LIMIT_REQUESTS", "many", "must be a whole number of at least 1, and is 'many'."),
            ("RATE_LIMIT_REQUESTS", "0", "must be a whole number of at least 1, and is '0'."),
            ("RATE_LIMIT_WINDOW_SECONDS", "1.5", "must be whole seconds, at least 1, and is '1.5'."),
            (
                "TRUSTED_PROXIES",
                "10.0.0.0/8,nginx",
                "must be addresses or networks, separated by commas, and is 'nginx'.",
            ),
            ("PUBLIC_URL", "callfloor.test", "must be an address such as https://host, and is 'callfloor.test'."),
            ("BILLING_CURRENCY", "dollars", "must be a currency code of three capital letters, and is 'dollars'."),
            ("STRICT_READS", "perhaps", "must be true or false, and is 'perhaps'."),
            ("LOG_FORMAT", "xml", "must be json or text, and is 'xml'."),
            ("JOBS_SPEECH_CONCURRENCY", "65", "must be a whole number from 1 to 64, and is '65'."),
        ],
    )
    def test_says_what_was_expected_and_given(self, name: str, value: str, sentence: str) -> None:
        assert sentences({f"CALLFLOOR_{name}": value}) == [f"CALLFLOOR_{name} {sentence}"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [("DATABASE", "mysql://u:hunter2@h/n"), ("SECRET_KEY", "hunter2"), ("FILES_URL", "https://k:hunter2@h/b")],
    )
    def test_does_not_echo_a_secret(self, name: str, value: str) -> None:
        (sentence,) = sentences({f"CALLFLOOR_{name}": value})

        assert sentence.startswith(f"CALLFLOOR_{name} must be ")
        assert "hunter2" not in sentence

    def test_says_all_that_is_wrong_at_once(self) -> None:
        wrong = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "x", "CALLFLOOR_LOG_LEVEL": "loud", "CALLFLOOR_NO_SUCH": "1"}

        assert len(sentences(wrong)) == 3

    def test_asks_whether_another_name_was_meant(self) -> None:
        (sentence,) = sentences({"CALLFLOOR_DATABSE": "sqlite:///x"})

        assert sentence == "CALLFLOOR_DATABSE is not a setting of Callfloor. Did you mean CALLFLOOR_DATABASE?"


class TestSecretKey:
    def test_is_made_once_and_readable_by_its_owner_alone(self, tmp_path: Path) -> None:
        settings = read_settings({}, data=tmp_path / "absent")

        first = with_secret_key(settings).hash_key

        assert with_secret_key(settings).hash_key == first
        assert len(first) >= 32
        assert stat.S_IMODE((tmp_path / "absent" / "secret.key").stat().st_mode) == 0o600

    def test_is_the_one_that_was_set(self, tmp_path: Path) -> None:
        settings = read_settings({"CALLFLOOR_SECRET_KEY": KEY}, data=tmp_path)

        assert with_secret_key(settings).hash_key == KEY.encode()
        assert list(tmp_path.iterdir()) == []


class TestReference:
    def test_page_is_current(self) -> None:
        page = Path(__file__).parents[2] / "docs" / "operate" / "settings.md"

        assert page.read_text(encoding="utf-8") == reference()

    def test_every_setting_says_what_it_does_and_takes(self) -> None:
        bare = [v.name for v in variables() if not v.expects or not v.field.description]

        assert bare == []
