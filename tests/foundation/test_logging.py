"""Log lines: JSON on stderr, with the request's id, and never a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from callfloor.foundation.logging import configure_logging
from callfloor.foundation.settings import Log


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    captured = capsys.readouterr()
    assert captured.out == ""
    line: dict[str, object] = json.loads(captured.err.splitlines()[-1])
    return line


def test_line_is_json_with_level_time_and_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log(format="json"))
    structlog.contextvars.bind_contextvars(request_id="r-1")

    structlog.get_logger("any").info("seat_added", count=3)

    line = last_line(capsys)
    assert (line["event"], line["level"], line["count"], line["request_id"]) == ("seat_added", "info", 3, "r-1")
    assert str(line["timestamp"]).endswith("Z")


def test_standard_library_lines_have_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log(format="json"))

    logging.getLogger("some.library").error("broken %s", "pipe")

    line = last_line(capsys)
    assert (line["event"], line["level"]) == ("broken pipe", "error")


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log(format="json", level="error"))

    structlog.get_logger("any").warning("quiet")

    assert capsys.readouterr().err == ""


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Log(format="text"))

    structlog.get_logger("any").info("seat_added")

    assert "seat_added" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": "Basic aHVudGVyMg=="},
        {"Authorization": "Basic aHVudGVyMg=="},
        {"headers": {"authorization": "Basic aHVudGVyMg==", "api-key": "aHVudGVyMg=="}},
        {"api_key": "aHVudGVyMg=="},
        {"device_secret": "aHVudGVyMg=="},
        {"new_password": "aHVudGVyMg=="},
        {"set_cookie": "aHVudGVyMg=="},
    ],
)
def test_secret_is_hidden_by_its_name(capsys: pytest.CaptureFixture[str], fields: dict[str, object]) -> None:
    configure_logging(Log(format="json"))

    structlog.get_logger("any").info("refused", **fields)

    text = capsys.readouterr().err
    assert "aHVudGVyMg" not in text
    assert "hidden" in text
