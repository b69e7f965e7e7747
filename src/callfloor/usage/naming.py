"""What is known of the people and devices that calls are added up by."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from sqlalchemy import select

from callfloor.access.tables import account
from callfloor.devices.tables import device
from callfloor.foundation.database import Tx, any_of, param
from callfloor.usage.groups import NUMBERED, number_of
from callfloor.usage.tables import GroupKind

_people = select(account.c.id, account.c.email, account.c.first_name, account.c.last_name).where(
    any_of(account.c.id, "ids")
)
_devices = select(device.c.id, device.c.hostname, device.c.nickname).where(
    device.c.team_id == param("team_id"), any_of(device.c.id, "ids")
)


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Somebody or something that calls are added up by; what has been erased has an id only."""

    kind: GroupKind
    id: int | str
    name: str | None
    email: str | None = None
    hostname: str | None = None
    nickname: str | None = None


def named_groups(tx: Tx, team_id: int, kind: GroupKind, keys: Collection[str]) -> dict[str, Group]:
    """Return the groups by their keys."""
    if kind not in NUMBERED:
        return {key: Group(kind, key, key) for key in keys}
    numbers = {number_of(key): key for key in sorted(keys)}
    groups = {key: Group(kind, number, None) for number, key in numbers.items()}
    if not numbers:
        return groups
    if kind is GroupKind.USER:
        for number, email, first, last in tx.all(_people, {"ids": list(numbers)}):
            groups[numbers[number]] = Group(kind, number, f"{first} {last}".strip(), email=email)
    else:
        for number, hostname, nickname in tx.all(_devices, {"team_id": team_id, "ids": list(numbers)}):
            groups[numbers[number]] = Group(kind, number, hostname, hostname=hostname, nickname=nickname)
    return groups
