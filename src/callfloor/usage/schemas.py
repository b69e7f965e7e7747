"""What the Callfloor API shows of usage, and what it is asked by."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Sequence

from pydantic import Field

from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import ID_LIMIT
from callfloor.foundation.web import Shape
from callfloor.usage.calendar import date_of, number_of_date
from callfloor.usage.groups import NUMBERED
from callfloor.usage.naming import Group
from callfloor.usage.reports import UsageRow
from callfloor.usage.summaries import Summary, Summed
from callfloor.usage.tables import SUMS, GroupKind

MOST_DAYS = 400
YEARS = range(1970, 9999)
"""Days of these, so that those before and after, and their time zones, are in the calendar too."""
_DEFAULT_DAYS = 28


class UsageFeatures(Shape):
    """For how many seconds each feature was on."""

    mic_noise_cancellation: int
    speaker_noise_cancellation: int
    background_voice_cancellation: int
    mic_accent_conversion: int
    speaker_accent_conversion: int
    voice_translation: int
    transcription: int


class UsageTotals(Shape):
    """What calls add up to, in seconds."""

    calls: int
    mic_seconds: int
    speaker_seconds: int
    features: UsageFeatures


class UsageSpan(Shape):
    """Totals of the days from the first to the last."""

    first_day: str
    last_day: str
    totals: UsageTotals


class UsageGroup(Shape):
    """A person, an OS user, a device or a language; what has been erased has an id only."""

    kind: GroupKind
    id: int | str
    name: str | None
    email: str | None
    hostname: str | None
    nickname: str | None


class UsageLeader(Shape):
    """A group and its totals."""

    group: UsageGroup
    totals: UsageTotals


class UsageShown(Shape):
    """Usage at a glance; `series` has one span for each period, cut to the days asked for, empty ones too."""

    time_zone: str
    total: UsageSpan
    before: UsageSpan = Field(description="As many days right before.")
    series: list[UsageSpan]
    leaders: list[UsageLeader] = Field(description="Groups with the most time of the microphone, by days in UTC.")


class UsageRowShown(Shape):
    """A group in a period: the days are the whole period's, the totals those of days that were asked for."""

    first_day: str
    last_day: str
    group: UsageGroup
    totals: UsageTotals


class UsageRowPage(Shape):
    """Rows by period, then time of the microphone from the greatest, then group; `count` is of all pages."""

    data: list[UsageRowShown]
    count: int
    next_cursor: str | None


def days_asked_for(first: str | None, last: str | None, today: int) -> range:
    """Return the days from the first to the last; left out, the last is today, and the first 27 days before it.

    Raises:
        InvalidInput: one is no day of the calendar, they are the wrong way round, or too many.
    """
    end = today if last is None else _day("to", last)
    start = end - _DEFAULT_DAYS + 1 if first is None else _day("from", first)
    if start > end:
        raise invalid("from", "must not be after `to`")
    if end - start >= MOST_DAYS:
        raise invalid("from", f"must be at most {MOST_DAYS} days before `to`")
    return range(start, end + 1)


def group_asked_for(kind: GroupKind, group_id: str | None) -> int | str | None:
    """Return the id of a group as its kind has it.

    Raises:
        InvalidInput: people and devices have numbers.
    """
    if group_id is None or kind not in NUMBERED:
        return group_id
    if not (group_id.isascii() and group_id.isdigit() and len(group_id) <= len(str(ID_LIMIT))):
        raise invalid("group_id", f"must be a whole number: it is the id of a {kind.value}")
    return int(group_id)


def zone_asked_for(name: str, group_id: int | str | None) -> datetime.tzinfo:
    """Return the time zone.

    Raises:
        InvalidInput: there is none of this name, or it is asked for with a group, whose days are those of UTC.
    """
    if name == "UTC":
        return datetime.UTC  # also where the system has no time zone database
    if group_id is not None:
        raise invalid("time_zone", "goes with totals of the whole team: leave out `group_id`, or the time zone")
    if name not in zoneinfo.available_timezones():
        raise invalid("time_zone", "must be a name of the time zone database, such as Europe/Berlin")
    return zoneinfo.ZoneInfo(name)


def shown_summary(summary: Summary, time_zone: str) -> UsageShown:
    """Return it as the API shows it."""
    return UsageShown(
        time_zone=time_zone,
        total=_span(summary.total),
        before=_span(summary.before),
        series=[_span(period) for period in summary.periods],
        leaders=[UsageLeader(group=_group(one.group), totals=_totals(one.sums)) for one in summary.leaders],
    )


def shown_row(row: UsageRow) -> UsageRowShown:
    """Return it as the API shows it."""
    first, last = date_of(row.first_day).isoformat(), date_of(row.last_day).isoformat()
    return UsageRowShown(first_day=first, last_day=last, group=_group(row.group), totals=_totals(row.sums))


def _day(name: str, text: str) -> int:
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise invalid(name, "must be a day, as YYYY-MM-DD") from error
    if date.year not in YEARS:
        raise invalid(name, f"must be in a year from {YEARS[0]} to {YEARS[-1]}")
    return number_of_date(date)


def _span(summed: Summed) -> UsageSpan:
    first, last = date_of(summed.first_day).isoformat(), date_of(summed.last_day).isoformat()
    return UsageSpan(first_day=first, last_day=last, totals=_totals(summed.sums))


def _totals(sums: Sequence[int]) -> UsageTotals:
    calls, mic_seconds, speaker_seconds, *features = sums
    shown = UsageFeatures(**dict(zip(SUMS[3:], features, strict=True)))
    return UsageTotals(calls=calls, mic_seconds=mic_seconds, speaker_seconds=speaker_seconds, features=shown)


def _group(group: Group) -> UsageGroup:
    return UsageGroup(
        kind=group.kind,
        id=group.id,
        name=group.name,
        email=group.email,
        hostname=group.hostname,
        nickname=group.nickname,
    )
