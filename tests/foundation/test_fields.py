"""What counts as a name, and as an instant."""

from __future__ import annotations

import datetime
import sys
import unicodedata

import pytest
from pydantic import TypeAdapter, ValidationError

from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.fields import Moment, checked_name, is_name

MOMENT: TypeAdapter[datetime.datetime] = TypeAdapter(Moment)


def test_a_name_has_no_controls_no_breaks_and_no_halves_of_characters() -> None:
    refused = {chr(number) for number in range(sys.maxunicode + 1) if not is_name(f"a{chr(number)}b")}

    assert {unicodedata.category(one) for one in refused} == {"Cc", "Cs", "Zl", "Zp"}
    assert all(
        chr(number) in refused
        for number in range(sys.maxunicode + 1)
        if unicodedata.category(chr(number)) in {"Cc", "Cs", "Zl", "Zp"}
    )


@pytest.mark.parametrize("blank", ["", " ", "\u00a0\u2003", "\n"])
def test_a_blank_is_no_name(blank: str) -> None:
    assert not is_name(blank)
    with pytest.raises(InvalidInput):
        checked_name("name", blank, limit=10)


def test_a_name_is_taken_without_the_space_around_it() -> None:
    assert checked_name("name", "  Team 👩‍💻\u00a0", limit=10) == "Team 👩‍💻"
    with pytest.raises(InvalidInput):
        checked_name("name", "x" * 11, limit=10)
    with pytest.raises(InvalidInput):
        checked_name("name", "two\nlines", limit=10)


@pytest.mark.parametrize(
    "text", ["2026-01-31T09:30:00Z", "2026-01-31t09:30:00.000z", "2026-01-31T10:30+01:00", "2026-01-31T09:30:00-00:00"]
)
def test_an_instant_is_read(text: str) -> None:
    assert MOMENT.validate_python(text) == datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize("text", ["0.5", "1767225600", "-1", "2026-01-31", "2026-01-31T09:30:00", "now", ""])
def test_a_number_or_half_a_date_is_no_instant(text: str) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(text)


@pytest.mark.parametrize("value", [0, 1767225600, 0.5, None, True, []])
def test_what_is_no_text_is_no_instant(value: object) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(value)
