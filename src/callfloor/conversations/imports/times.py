"""Start times as telephony systems write them, made instants by the zone of the clock that wrote them."""

from __future__ import annotations

import datetime
import re
import zoneinfo

from callfloor.foundation.clock import DAY, Millis, from_datetime
from callfloor.foundation.errors import invalid

EPOCH_FORMAT = "epoch"
_SECONDS = re.compile(r"\d{1,10}(\.\d{1,9})?")
_NEAR_MIDNIGHT = datetime.timedelta(hours=2)


class Times:
    """Reads start times.

    Args:
        zone: name of the zone of times that do not carry one; without it such times are refused.
        form: how times are written, for `strptime`, or `epoch`; without it ISO 8601.
        now: times later than tomorrow are refused.

    Raises:
        InvalidInput: there is no such zone.
    """

    def __init__(self, zone: str | None, form: str | None, now: Millis) -> None:
        self._name = zone
        self._zone = None if zone is None else _zone_of(zone)
        self._form = form
        self._now = now

    def instant(self, text: str, *, near: Millis | None = None) -> Millis:
        """Return the instant.

        Args:
            text: as the table has it.
            near: an instant known to be close; it tells the two of an hour that the clocks had twice.

        Raises:
            ValueError: it is none; the message says what was expected.
        """
        moment = self._moment(text)
        if moment.tzinfo is None:
            moment = self._placed(moment, near)
        return self.checked(from_datetime(moment))

    def checked(self, instant: Millis) -> Millis:
        """Return the instant, or raise ValueError when no call can have begun then."""
        if not 0 < instant <= self._now + DAY:
            raise ValueError("a time since 1970 that is not in the future")
        return instant

    def days_around(self, date: Millis) -> list[str]:
        """Return folders by date for a call of this instant: its day's first, then what midnight may bring in."""
        base = datetime.datetime.fromtimestamp(date / 1000, self._zone or datetime.UTC)
        moments = [base, base - _NEAR_MIDNIGHT, base + _NEAR_MIDNIGHT]
        return list(dict.fromkeys(moment.strftime("%Y/%m/%d") for moment in moments))

    def _moment(self, text: str) -> datetime.datetime:
        if self._form == EPOCH_FORMAT:
            if not _SECONDS.fullmatch(text):
                raise ValueError("seconds since 1970")
            return datetime.datetime.fromtimestamp(float(text), datetime.UTC)
        try:
            if self._form is not None:
                # A zone, where the form has one, is kept.
                return datetime.datetime.strptime(text, self._form)  # noqa: DTZ007
            if len(text) < len("2024-01-05"):
                raise ValueError  # noqa: TRY301  # forms as short as 2024 are no start of a call
            return datetime.datetime.fromisoformat(text)
        except ValueError:
            form = self._form or "2024-01-05 10:15:30"
            raise ValueError(f"a time such as {form}" if self._form is None else f"a time of the form {form}") from None

    def _placed(self, moment: datetime.datetime, near: Millis | None) -> datetime.datetime:
        if self._zone is None:
            raise ValueError("a time with its offset from UTC, or a time zone for the whole import")
        if not 1 < moment.year < 9999:
            raise ValueError("a time since 1970 that is not in the future")
        both = [moment.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1)]
        back = both[0].astimezone(datetime.UTC).astimezone(self._zone).replace(tzinfo=None)
        if back != moment:
            raise ValueError(f"a time that the clocks of {self._name} showed; they were put forward over this one")
        if near is None:
            return both[0]
        return min(both, key=lambda one: abs(from_datetime(one) - near))


def epoch_in(unique_id: str) -> Millis | None:
    """Return the instant in an id such as 1704449730.123, which Asterisk makes of the time a call began."""
    found = re.search(r"(?<!\d)(1\d{9})\.\d+", unique_id)
    return None if found is None else int(found[1]) * 1000


def _zone_of(name: str) -> datetime.tzinfo:
    if name == "UTC":
        return datetime.UTC  # also where the system has no time zone database
    if name not in zoneinfo.available_timezones():
        raise invalid("timezone", "must be a name of the time zone database, such as Europe/Berlin")
    return zoneinfo.ZoneInfo(name)
