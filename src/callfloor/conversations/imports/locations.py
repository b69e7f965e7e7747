"""Places that imports read from: any for the operator at the command line, those of the settings for a team."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from callfloor.conversations.imports.recordings import BucketOfRecordings, FolderOfRecordings, Recordings
from callfloor.foundation.errors import DomainError
from callfloor.foundation.files import open_bucket
from callfloor.foundation.settings import Settings

_ALLOWED = re.compile(r"(?:(?P<team>\d+)/)?(?P<name>[A-Za-z0-9._-]{1,64})=(?P<place>.+)")


class LocationUnknown(DomainError):
    """The settings allow the team no place of this name."""

    code = "import_location_unknown"
    status = 422


@dataclasses.dataclass(frozen=True, slots=True)
class Location:
    """A place that the operator allows, under its name."""

    name: str
    place: str


def locations_of(settings: Settings, team_id: int) -> list[Location]:
    """Return the places that the team's imports may read."""
    return list(_allowed(settings, team_id))


def location_by_name(settings: Settings, team_id: int, name: str) -> Location:
    """Return the place.

    Raises:
        LocationUnknown: the team has none of this name.
    """
    found = next((one for one in _allowed(settings, team_id) if one.name == name), None)
    if found is None:
        raise LocationUnknown(f"this server allows no location {name!r} for imports of this team")
    return found


def open_recordings(place: str) -> Recordings:
    """Return the recordings in a folder, or below `s3://…`.

    Raises:
        LocationUnreadable: it is no folder.
    """
    if is_bucket(place):
        return BucketOfRecordings(open_bucket(place))
    return FolderOfRecordings(Path(place))


def is_bucket(place: str) -> bool:
    """Return whether the place is a prefix of a bucket."""
    return place.startswith("s3://")


def shown_place(place: str) -> str:
    """Return the place as people may see it: a bucket without its key and secret."""
    if not is_bucket(place):
        return place
    parts = urllib.parse.urlsplit(place)
    return f"s3://{parts.hostname}{parts.path}"


def _allowed(settings: Settings, team_id: int) -> Iterator[Location]:
    for one in settings.imports.locations:
        found = _ALLOWED.fullmatch(one.get_secret_value())
        if found is not None and found["team"] in {None, str(team_id)}:
            yield Location(found["name"], found["place"])
