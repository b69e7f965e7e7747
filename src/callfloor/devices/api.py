"""`/api/v2/devices`: list, look, name, block, unblock, unassign, one or many; and the secret by which machines join."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.secrets import keyed_hash
from callfloor.devices.blocking import ChangeDevice, block_device, unassign_device, unblock_device
from callfloor.devices.bulk import BULK_LIMIT, Action, ChangeDevices, Outcome, change_devices
from callfloor.devices.enrolment import settle_conflict
from callfloor.devices.names import NAME_MAX_LENGTH, NicknameDevice, nickname_device
from callfloor.devices.queries import Device, DeviceFilter, State, device_by_id, devices_after
from callfloor.devices.signing_out import sign_out_device
from callfloor.foundation.clock import iso
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.fields import ID_LIMIT, Identity, name_field
from callfloor.foundation.ids import new_secret
from callfloor.foundation.web import (
    Cursor,
    Facts,
    IfMatch,
    Limit,
    RequestFacts,
    Shape,
    check_match,
    cursor_after,
    entity_tag,
    position_of,
)
from callfloor.teams.teams import rotate_device_secret

router = APIRouter(tags=["Devices"])

Reader = Annotated[Caller, needs(Scope.DEVICES_READ)]
Writer = Annotated[Caller, needs(Scope.DEVICES_WRITE)]
Id = Annotated[int, Path(ge=1, le=ID_LIMIT)]
Part = Annotated[str | None, Query(min_length=1, max_length=NAME_MAX_LENGTH, pattern=r"^[^\x00]*$")]
Name = Annotated[str, name_field(NAME_MAX_LENGTH)]


class DeviceBlock(Shape):
    """Why, since when and by whom a device is shut out."""

    id: int
    reason: str | None
    blocked_at: str
    blocked_by: str


class HostConflict(Shape):
    """Another host that came with the same machine id while the device was active."""

    hostname: str
    at: str


class DeviceShown(Shape):
    """A machine of the team; in an email team `account_id` is whose it is, and `seat_id` that person's seat."""

    id: int
    state: Literal["seated", "unseated", "blocked"]
    machine_id: str
    hostname: str
    nickname: str | None
    username: str
    os: str
    os_version: str
    app_version: str
    account_id: int | None
    seat_id: int | None
    enrolled_at: str
    last_seen_at: str
    conflict: HostConflict | None
    block: DeviceBlock | None


class DevicePage(Shape):
    """A page of devices, by id."""

    data: list[DeviceShown]
    next_cursor: str | None


class DeviceChanges(Shape):
    """What people may change of a device; null takes the nickname away."""

    nickname: Name | None


class NewDeviceBlock(Shape):
    """Why a device is shut out; the machine is told."""

    reason: Name | None = None


class NewDeviceBatch(Shape):
    """Devices that all change in one way; a dry run tells what would change, and changes nothing."""

    action: Literal["block", "unblock", "unassign"]
    device_ids: Annotated[list[Identity], Field(min_length=1, max_length=BULK_LIMIT)]
    reason: Name | None = None
    dry_run: bool = False


class DeviceBatchRow(Shape):
    """What became of one device; `code` and `message` say why it was refused."""

    device_id: int
    result: Literal["changed", "unchanged", "refused"]
    before: DeviceShown | None
    after: DeviceShown | None
    code: str | None
    message: str | None


class DeviceBatch(Shape):
    """What became of every device; after a dry run, what would have."""

    dry_run: bool
    data: list[DeviceBatchRow]


class DeviceSecret(Shape):
    """The team's new secret; it is shown only here."""

    device_secret: str


@router.get("/devices", operation_id="list_devices")
async def list_devices(
    facts: Facts,
    caller: Reader,
    *,
    state: Annotated[State | None, Query()] = None,
    hostname: Part = None,
    nickname: Part = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DevicePage:
    """List the team's devices."""
    which = DeviceFilter(hostname, nickname, state)
    after = (position_of(cursor, int) or (0,))[0]
    page = functools.partial(devices_after, team_id=caller.team_id, which=which, after=after, take=limit + 1)
    found = await facts.services.db.report(page)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return DevicePage(data=[_shown(one) for one in found[:limit]], next_cursor=more)


@router.get("/devices/{device_id}", operation_id="device_by_id")
async def get_device(device_id: Id, facts: Facts, caller: Reader, response: Response) -> DeviceShown:
    """Look at one device."""
    read = functools.partial(device_by_id, team_id=caller.team_id, device_id=device_id)
    return _tagged(await facts.services.db.report(read), response)


@router.patch("/devices/{device_id}", operation_id="nickname_device")
async def change_device(
    device_id: Id, body: DeviceChanges, facts: Facts, caller: Writer, response: Response, if_match: IfMatch = None
) -> DeviceShown:
    """Give a device a nickname."""

    def check(known: Device) -> None:
        check_match(if_match, _tagged_part(known))

    actor = caller.actor(facts)
    command = NicknameDevice(caller.team_id, device_id, body.nickname, actor, facts.now, check)
    return _tagged(await facts.services.db.write(functools.partial(nickname_device, command=command)), response)


@router.put("/devices/{device_id}/block", operation_id="block_device")
async def put_block(
    device_id: Id, facts: Facts, caller: Writer, response: Response, body: NewDeviceBlock | None = None
) -> DeviceShown:
    """Shut a device out, and free its seat."""
    command = _change(device_id, facts, caller, None if body is None else body.reason)
    return _tagged(await facts.services.db.write(functools.partial(block_device, command=command)), response)


@router.delete("/devices/{device_id}/block", operation_id="unblock_device", status_code=204)
async def delete_block(device_id: Id, facts: Facts, caller: Writer) -> None:
    """Let a device in again; it takes a seat at its next log-in."""
    command = _change(device_id, facts, caller)
    await facts.services.db.write(functools.partial(unblock_device, command=command))


@router.delete("/devices/{device_id}/seat", operation_id="unassign_device", status_code=204)
async def delete_seat_of_device(device_id: Id, facts: Facts, caller: Writer) -> None:
    """Take a device off its seat; it may log in again."""
    command = _change(device_id, facts, caller)
    await facts.services.db.write(functools.partial(unassign_device, command=command))


@router.delete("/devices/{device_id}/tokens", operation_id="sign_out_device", status_code=204)
async def delete_tokens(device_id: Id, facts: Facts, caller: Writer) -> None:
    """End every token of a device; it may log in again, and an agent of a person is confirmed again."""
    command = _change(device_id, facts, caller)
    await facts.services.db.write(functools.partial(sign_out_device, command=command))


@router.delete("/devices/{device_id}/conflict", operation_id="settle_conflict", status_code=204)
async def delete_conflict(device_id: Id, facts: Facts, caller: Writer) -> None:
    """Forget that another host came with the same machine id."""
    settle = functools.partial(
        settle_conflict, team_id=caller.team_id, device_id=device_id, actor=caller.actor(facts), now=facts.now
    )
    await facts.services.db.write(settle)


@router.post("/devices/batches", operation_id="change_devices")
async def post_batch(body: NewDeviceBatch, facts: Facts, caller: Writer) -> DeviceBatch:
    """Block, unblock or unassign many devices."""
    ids = tuple(dict.fromkeys(body.device_ids))
    command = ChangeDevices(caller.team_id, ids, Action(body.action), caller.actor(facts), facts.now, body.reason)
    change = functools.partial(change_devices, command=command)
    outcomes = await write_or_try(facts.services.db, change, dry_run=body.dry_run)
    return DeviceBatch(dry_run=body.dry_run, data=[_row(outcome) for outcome in outcomes])


@router.put("/team/device-secret", operation_id="rotate_device_secret")
async def put_device_secret(facts: Facts, caller: Writer) -> DeviceSecret:
    """Replace the secret by which machines join; the old one stops working at once, tokens of devices do not."""
    fresh = new_secret()
    hashed = keyed_hash(fresh, key=facts.services.settings.hash_key)
    rotate = functools.partial(
        rotate_device_secret,
        team_id=caller.team_id,
        device_secret_hash=hashed,
        actor=caller.actor(facts),
        now=facts.now,
    )
    await facts.services.db.write(rotate)
    return DeviceSecret(device_secret=fresh)


def _change(device_id: int, facts: RequestFacts, caller: Caller, reason: str | None = None) -> ChangeDevice:
    return ChangeDevice(caller.team_id, device_id, caller.actor(facts), facts.now, reason)


def _tagged(known: Device, response: Response) -> DeviceShown:
    response.headers["ETag"] = entity_tag(_tagged_part(known))
    return _shown(known)


def _tagged_part(known: Device) -> dict[str, object]:
    # Each heartbeat moves last_seen_at: with it in the tag, nobody's If-Match would ever hold.
    return _shown(known).model_dump(exclude={"last_seen_at"})


def _shown(known: Device) -> DeviceShown:
    block, conflict_at = known.block, known.conflict_at
    return DeviceShown(
        id=known.id,
        state=known.state,
        machine_id=known.machine_id,
        hostname=known.hostname,
        nickname=known.nickname,
        username=known.username,
        os=known.os,
        os_version=known.os_version,
        app_version=known.app_version,
        account_id=known.account_id,
        seat_id=known.seat_id,
        enrolled_at=iso(known.enrolled_at),
        last_seen_at=iso(known.last_seen_at),
        conflict=None
        if conflict_at is None
        else HostConflict(hostname=known.conflict_hostname or "", at=iso(conflict_at)),
        block=None
        if block is None
        else DeviceBlock(
            id=block.id, reason=block.reason, blocked_at=iso(block.blocked_at), blocked_by=block.blocked_by
        ),
    )


def _row(outcome: Outcome) -> DeviceBatchRow:
    return DeviceBatchRow(
        device_id=outcome.device_id,
        result=outcome.result,
        before=None if outcome.before is None else _shown(outcome.before),
        after=None if outcome.after is None else _shown(outcome.after),
        code=outcome.code,
        message=outcome.message,
    )
