"""Methods of the Portal API: written by `make documents` from docs/api."""

from __future__ import annotations

import datetime
from typing import Literal

from callfloor_sdk.generated.portal_types import (
    BlockRow,
    BlockRows,
    DeviceUnblocked,
    MonitoringRow,
    MonitoringRows,
    PersonInvited,
    Seat,
    SeatBlocked,
    SeatDeleted,
    SeatRows,
    SeatsAdded,
    SeatUnassigned,
    UsageRow,
    UsageRows,
)
from callfloor_sdk.paging import AsyncPages, by_number
from callfloor_sdk.requests import Api, Request, new_idempotency_key, path
from callfloor_sdk.sending import AsyncSender


class AsyncPortal:
    """Portal, of the Portal API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_seats(
        self,
        *,
        page: int | None = None,
        per_page: int | None = None,
        role: Literal["admin", "configurator", "analyst", "user"] | None = None,
        status: Literal["unassigned", "invited", "assigned"] | None = None,
        hostname: str | None = None,
        nickname: str | None = None,
    ) -> AsyncPages[SeatRows, Seat]:
        """List the team's seats, ordered by id.

        Args:
            page: Which page; one past the end has no rows.
            per_page: How many rows a page has.
            role: Exactly this role.
            status: Exactly this status.
            hostname: Part of it, in any case.
            nickname: Part of it, in any case.
        """
        return AsyncPages(
            self._sender,
            Request[SeatRows](
                api=Api.PORTAL,
                method="GET",
                path="/api/v1/seats",
                answer=SeatRows,
                query={
                    "page": page,
                    "perPage": per_page,
                    "role": role,
                    "status": status,
                    "hostname": hostname,
                    "nickname": nickname,
                },
                enveloped=True,
            ),
            by_number,
            "rows",
        )

    async def add_seats(self, count: int, *, idempotency_key: str | None = None) -> SeatsAdded:
        """Add seats; a team that pays by card is charged for the rest of the period at once.

        Args:
            count: How many seats to add.
            idempotency_key: The same key within 24 hours gets the first answer again, and nothing is added twice.
        """
        return await self._sender.send(
            Request[SeatsAdded](
                api=Api.PORTAL,
                method="POST",
                path="/api/v1/seats",
                answer=SeatsAdded,
                body={"count": count},
                headers={"Idempotency-Key": idempotency_key or new_idempotency_key()},
                is_repeatable=True,
                enveloped=True,
            )
        )

    async def delete_seat(self, seat_id: int) -> SeatDeleted:
        """Delete an unassigned seat for good."""
        return await self._sender.send(
            Request[SeatDeleted](
                api=Api.PORTAL,
                method="DELETE",
                path=path("/api/v1/seats/{id}", id=seat_id),
                answer=SeatDeleted,
                enveloped=True,
            )
        )

    async def invite_person(self, email: str) -> PersonInvited:
        """Invite a person of an email team by mail; a free seat is kept for them until they accept.

        Args:
            email: Whom to invite.
        """
        return await self._sender.send(
            Request[PersonInvited](
                api=Api.PORTAL,
                method="POST",
                path="/api/v1/team/invite",
                answer=PersonInvited,
                body={"email": email},
                enveloped=True,
            )
        )

    async def unassign_seat(self, seat_id: int) -> SeatUnassigned:
        """Free a seat of an email team: its person leaves the team, or its invitation is revoked."""
        return await self._sender.send(
            Request[SeatUnassigned](
                api=Api.PORTAL,
                method="DELETE",
                path=path("/api/v1/seats/unassign/{id}", id=seat_id),
                answer=SeatUnassigned,
                enveloped=True,
            )
        )

    async def block_seat(self, seat_id: int) -> SeatBlocked:
        """Shut out the device of a seat, and free the seat."""
        return await self._sender.send(
            Request[SeatBlocked](
                api=Api.PORTAL,
                method="PUT",
                path=path("/api/v1/seats/block/{id}", id=seat_id),
                answer=SeatBlocked,
                enveloped=True,
            )
        )

    def list_blocked_devices(
        self, *, page: int | None = None, per_page: int | None = None, qs: str | None = None
    ) -> AsyncPages[BlockRows, BlockRow]:
        """List the blocked devices of a device team, ordered by id.

        Args:
            page: Which page; one past the end has no rows.
            per_page: How many rows a page has.
            qs: Part of it, in any case.
        """
        return AsyncPages(
            self._sender,
            Request[BlockRows](
                api=Api.PORTAL,
                method="GET",
                path="/api/v1/team/block/list",
                answer=BlockRows,
                query={"page": page, "perPage": per_page, "qs": qs},
                enveloped=True,
            ),
            by_number,
            "rows",
        )

    async def unblock_device(self, block_id: int) -> DeviceUnblocked:
        """Let the device of a block-list entry log in again."""
        return await self._sender.send(
            Request[DeviceUnblocked](
                api=Api.PORTAL,
                method="PUT",
                path=path("/api/v1/team/device/unblock/{id}", id=block_id),
                answer=DeviceUnblocked,
                enveloped=True,
            )
        )

    def list_live_devices(
        self,
        *,
        page: int | None = None,
        per_page: int | None = None,
        state: Literal["online", "in_call", "offline", "unhealthy", "unavailable"] | None = None,
        hostname: str | None = None,
        username: str | None = None,
    ) -> AsyncPages[MonitoringRows, MonitoringRow]:
        """List what the team's devices do at this moment, ordered by id; blocked ones are left out.

        Args:
            page: Which page; one past the end has no rows.
            per_page: How many rows a page has.
            state: Exactly this state.
            hostname: Part of it, in any case.
            username: Part of it, in any case.
        """
        return AsyncPages(
            self._sender,
            Request[MonitoringRows](
                api=Api.PORTAL,
                method="GET",
                path="/api/v1/analytics/monitoring",
                answer=MonitoringRows,
                query={"page": page, "perPage": per_page, "state": state, "hostname": hostname, "username": username},
                enveloped=True,
            ),
            by_number,
            "rows",
        )

    def list_usage(
        self,
        *,
        group_by: Literal["user", "username", "device", "language"],
        from_: datetime.date | str,
        to: datetime.date | str,
        cadence: Literal["daily", "weekly", "monthly"] | None = None,
        page: int | None = None,
        per_page: int | None = None,
    ) -> AsyncPages[UsageRows, UsageRow]:
        """Report usage by group and period: by start of the period, then time of the microphone, greatest first.

        Args:
            group_by: What calls are added up by.
            from_: The first day, in UTC, at most four months ago.
            to: The last day, in UTC.
            cadence: The periods: days, weeks from Monday, or months.
            page: Which page; one past the end has no rows.
            per_page: How many rows a page has.
        """
        return AsyncPages(
            self._sender,
            Request[UsageRows](
                api=Api.PORTAL,
                method="GET",
                path="/api/v1/analytics/usage",
                answer=UsageRows,
                query={
                    "group_by": group_by,
                    "from": from_,
                    "to": to,
                    "cadence": cadence,
                    "page": page,
                    "perPage": per_page,
                },
                enveloped=True,
            ),
            by_number,
            "rows",
        )
