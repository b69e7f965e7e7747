"""Weeks, months, and the oldest day that is shown."""

from __future__ import annotations

import datetime
import itertools

import pytest

from callfloor.foundation.clock import from_datetime
from callfloor.usage.calendar import date_of, number_of_date, oldest_day, period_of, periods_between
from callfloor.usage.retention import first_day_kept
from callfloor.usage.tables import Cadence


def day(text: str) -> int:
    """Return the day of YYYY-MM-DD."""
    return number_of_date(datetime.date.fromisoformat(text))


@pytest.mark.parametrize(
    ("today", "oldest"),
    [
        ("2026-11-22", "2026-07-22"),
        ("2026-03-31", "2025-11-30"),
        ("2026-07-31", "2026-03-31"),
        ("2026-10-31", "2026-06-30"),
        ("2026-06-30", "2026-02-28"),
        ("2028-06-30", "2028-02-29"),
        ("2028-06-29", "2028-02-29"),
        ("2026-06-28", "2026-02-28"),
        ("2026-04-30", "2025-12-30"),
        ("2026-05-01", "2026-01-01"),
        ("2026-04-15", "2025-12-15"),
    ],
)
def test_the_same_day_four_months_before(today: str, oldest: str) -> None:
    assert date_of(oldest_day(day(today))).isoformat() == oldest


@pytest.mark.parametrize(
    ("text", "cadence", "first", "last"),
    [
        ("2026-01-01", Cadence.DAILY, "2026-01-01", "2026-01-01"),
        ("2026-01-01", Cadence.WEEKLY, "2025-12-29", "2026-01-04"),
        ("2026-01-04", Cadence.WEEKLY, "2025-12-29", "2026-01-04"),
        ("2026-01-05", Cadence.WEEKLY, "2026-01-05", "2026-01-11"),
        ("2028-02-29", Cadence.MONTHLY, "2028-02-01", "2028-02-29"),
        ("2026-02-28", Cadence.MONTHLY, "2026-02-01", "2026-02-28"),
        ("2026-12-31", Cadence.MONTHLY, "2026-12-01", "2026-12-31"),
        ("1970-01-01", Cadence.WEEKLY, "1969-12-29", "1970-01-04"),
    ],
)
def test_the_period_of_a_day(text: str, cadence: Cadence, first: str, last: str) -> None:
    assert period_of(day(text), cadence) == (day(first), day(last))


@pytest.mark.parametrize("cadence", list(Cadence))
def test_periods_follow_each_other(cadence: Cadence) -> None:
    periods = list(periods_between(day("2025-11-30"), day("2028-03-31"), cadence))

    assert all(end + 1 == start for (_, end), (start, _) in itertools.pairwise(periods))
    assert periods[0][0] <= day("2025-11-30")
    assert periods[-1][1] >= day("2028-03-31")


@pytest.mark.parametrize("months", [4, 5, 12])
@pytest.mark.parametrize("today", ["2026-03-31", "2026-07-31", "2026-06-30", "2026-12-01"])
def test_what_is_forgotten_is_shown_by_no_report(today: str, months: int) -> None:
    now = from_datetime(datetime.datetime.fromisoformat(f"{today}T12:00:00+00:00"))

    assert first_day_kept(now, months) <= oldest_day(day(today))
    assert date_of(first_day_kept(now, months)).day == 1
