"""`/api/v1/analytics/usage`: what calls add up to by person, OS user, device or language."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from callfloor.foundation.services import Services
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import Request
from callfloor.portal_api.parameters import Given, Problems, one_of, page_of
from callfloor.usage.calendar import date_of, day_of, number_of_date, oldest_day
from callfloor.usage.naming import Group
from callfloor.usage.queries import usage_page
from callfloor.usage.reports import Asked, UsageRow
from callfloor.usage.tables import Cadence, GroupKind

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


async def list_usage(services: Services, request: Request) -> wire.UsageRows:
    """Answer a page of the team's usage."""
    query = request.query()
    problems = Problems()
    skip, take = page_of(query, problems)
    kind = one_of(query, wire.GROUP_BY, wire.GROUPINGS, problems)
    if wire.GROUP_BY not in query:
        problems.add(wire.GROUP_BY, f"must be one of {', '.join(wire.GROUPINGS)}")
    cadence = one_of(query, wire.CADENCE, wire.CADENCES, problems) or wire.DEFAULT_CADENCE
    first, last = _range(query, day_of(request.now), problems)
    problems.raise_if_any()
    assert kind is not None  # noqa: S101  # it is a problem where it is missing
    asked = Asked(request.principal.team_id, GroupKind(kind), first, last, Cadence(cadence))
    page = await usage_page(services.db, asked, skip=skip, take=take, now=request.now)
    return wire.UsageRows([_row(row) for row in page.rows], page.total)


def _range(query: Mapping[str, Given], today: int, problems: Problems) -> tuple[int, int]:
    """Return the first and the last day asked for."""
    first, last = _day(query, wire.FROM, problems), _day(query, wire.TO, problems)
    if first is not None and first < oldest_day(today):
        problems.add(wire.FROM, f"must not be before {date_of(oldest_day(today))}, four months ago")
    elif first is not None and last is not None and first > last:
        problems.add(wire.FROM, f"must not be after {wire.TO}")
    return first or 0, last or 0


def _day(query: Mapping[str, Given], name: str, problems: Problems) -> int | None:
    value = query.get(name)
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return number_of_date(datetime.date.fromisoformat(value))
        except ValueError:
            pass
    problems.add(name, "must be a day, as YYYY-MM-DD")
    return None


def _row(row: UsageRow) -> wire.UsageRow:
    calls, mic_seconds, speaker_seconds, *features = row.sums
    return wire.UsageRow(
        period_start=date_of(row.first_day).isoformat(),
        period_end=date_of(row.last_day).isoformat(),
        group=_GROUPS[row.group.kind](row.group),
        mic_call_duration=mic_seconds,
        speaker_call_duration=speaker_seconds,
        calls=calls,
        features=wire.FeatureSeconds(*features),
    )


_GROUPS: dict[GroupKind, Callable[[Group], Any]] = {
    GroupKind.USER: lambda group: wire.UserGroup(int(group.id), group.email, group.name),
    GroupKind.USERNAME: lambda group: wire.UsernameGroup(str(group.id), str(group.id)),
    GroupKind.DEVICE: lambda group: wire.DeviceGroup(int(group.id), group.hostname, group.nickname, group.name),
    GroupKind.LANGUAGE: lambda group: wire.LanguageGroup(str(group.id), str(group.id)),
}
