"""Methods of the Callfloor API: written by `make documents` from docs/api."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from callfloor_sdk.downloads import AsyncDownload
from callfloor_sdk.generated.callfloor_types import (
    AddedSeats,
    AgentCode,
    AuditEntries,
    AuditEntry,
    Cadence,
    ChangePage,
    ChargeList,
    ChargeShown,
    ConversationPage,
    ConversationShown,
    DeletedSeats,
    DeliveryAdded,
    DeliveryDetails,
    DeliveryPage,
    DeliveryShown,
    DeliveryState,
    DeviceBatch,
    DevicePage,
    DeviceSecret,
    DeviceShown,
    DeviceStates,
    DeviceTimes,
    DeviceTimesPage,
    EditPage,
    EditShown,
    ErasedConversations,
    ErasedConversationShown,
    ErasureReceipt,
    ErasureReceipts,
    ErasureRequested,
    EventCatalog,
    EventShown,
    GroupKind,
    HoldPage,
    HoldShown,
    ImportFormat,
    ImportLocation,
    ImportLocations,
    ImportPage,
    ImportShown,
    Interval,
    Invitation,
    InvitationBatch,
    Invitations,
    Key,
    KeyKind,
    Keys,
    KeyWithSecret,
    ListedPerson,
    LiveDeviceShown,
    LiveSnapshot,
    ParticipantChange,
    People,
    PeopleRemovals,
    Person,
    PersonToRelease,
    PersonToSeat,
    ReclaimOutcome,
    ReclaimRun,
    ReclaimRuns,
    ReclaimSeat,
    ReclaimSeats,
    RedactionPage,
    RedactionShown,
    Redelivered,
    RetentionShown,
    Role,
    Scope,
    SearchHit,
    SearchPage,
    Seat,
    SeatChanges,
    SeatList,
    SeatStatus,
    SentInvitations,
    ShownReclaimPolicy,
    Statement,
    StatementList,
    TeamDomain,
    TeamDomains,
    TeamShown,
    UploadDirection,
    UploadMutedIntervals,
    UploadParticipants,
    UploadRecordingConsent,
    UploadShown,
    UploadTranscript,
    UsageRowPage,
    UsageRowShown,
    UsageShown,
    WebhookList,
    WebhookSecret,
    WebhookShown,
)
from callfloor_sdk.paging import AsyncPages, by_cursor, whole
from callfloor_sdk.requests import UNSET, Api, Request, Unset, given, new_idempotency_key, path
from callfloor_sdk.sending import AsyncSender
from callfloor_sdk.uploads import File, Progress, upload


class AsyncAuditMethods:
    """Audit, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def export(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        object_kind: str | None = None,
        object_id: str | None = None,
        text: str | None = None,
        from_: datetime.datetime | datetime.date | str | None = None,
        to: datetime.datetime | datetime.date | str | None = None,
    ) -> AsyncDownload:
        """Return all of it as CSV (RFC 4180, UTF-8), newest first.

        Needs the scope `audit:read`.

        Args:
            actor: Part of the actor's name, or the whole of its id.
            action: How the action begins.
            text: Part of any column.
            to: Exclusive.
        """
        return AsyncDownload(
            self._sender,
            Request[Any](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/audit/export",
                answer=None,
                query={
                    "actor": actor,
                    "action": action,
                    "object_kind": object_kind,
                    "object_id": object_id,
                    "text": text,
                    "from": from_,
                    "to": to,
                },
            ),
        )

    def list(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        object_kind: str | None = None,
        object_id: str | None = None,
        text: str | None = None,
        from_: datetime.datetime | datetime.date | str | None = None,
        to: datetime.datetime | datetime.date | str | None = None,
    ) -> AsyncPages[AuditEntries, AuditEntry]:
        """List what was changed in the team, newest first.

        Needs the scope `audit:read`.

        Args:
            actor: Part of the actor's name, or the whole of its id.
            action: How the action begins.
            text: Part of any column.
            to: Exclusive.
        """
        return AsyncPages(
            self._sender,
            Request[AuditEntries](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/audit",
                answer=AuditEntries,
                query={
                    "cursor": cursor,
                    "limit": limit,
                    "actor": actor,
                    "action": action,
                    "object_kind": object_kind,
                    "object_id": object_id,
                    "text": text,
                    "from": from_,
                    "to": to,
                },
            ),
            by_cursor,
            "data",
        )


class AsyncBillingMethods:
    """Billing, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_statements(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> AsyncPages[StatementList, Statement]:
        """List the statements of all periods since the team's first seats, newest first.

        Needs the scope `billing:read`.

        Args:
            cursor: The `next_cursor` of the answer before.
            limit: How many rows at most.
        """
        return AsyncPages(
            self._sender,
            Request[StatementList](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/billing/statements",
                answer=StatementList,
                query={"cursor": cursor, "limit": limit},
            ),
            by_cursor,
            "data",
        )

    async def show_statement(self, period: str) -> Statement:
        """Show the statement of one period.

        Needs the scope `billing:read`.

        Args:
            period: The period, as YYYY-MM.
        """
        return await self._sender.send(
            Request[Statement](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/billing/statements/{period}", period=period),
                answer=Statement,
            )
        )

    def list_charges(
        self, *, period: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> AsyncPages[ChargeList, ChargeShown]:
        """List the amounts the team owed, newest first; those of one period add up to its statement.

        Needs the scope `billing:read`.

        Args:
            period: Only of this period, as YYYY-MM.
            cursor: The `next_cursor` of the answer before.
            limit: How many rows at most.
        """
        return AsyncPages(
            self._sender,
            Request[ChargeList](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/billing/charges",
                answer=ChargeList,
                query={"period": period, "cursor": cursor, "limit": limit},
            ),
            by_cursor,
            "data",
        )


class AsyncCallsMethods:
    """Calls, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def upload(
        self,
        file: File | None = None,
        *,
        transcript_file: File | None = None,
        external_call_id: str | None = None,
        date: datetime.datetime | None = None,
        caller: str | None = None,
        callee: str | None = None,
        name: str | None = None,
        language: str | None = None,
        user_email: str | None = None,
        recording_url: str | None = None,
        direction: UploadDirection | None = None,
        recording_consent: UploadRecordingConsent | None = None,
        participants: Sequence[UploadParticipants] | None = None,
        channels: Mapping[str, str] | None = None,
        muted_intervals: Sequence[UploadMutedIntervals] | None = None,
        transcript: str | Sequence[UploadTranscript] | None = None,
        on_progress: Progress | None = None,
    ) -> ConversationShown:
        """Upload a call: its recording, the recording's address, or a transcript.

        Needs the scope `conversations:write`.

        Args:
            file: The recording.
            transcript_file: The same as a file: JSON, WebVTT, SRT, or the document that Teams or Meet exports.
            external_call_id: Your own id; the same id again is the same conversation.
            date: When it began, ISO 8601; left out, what a meeting's files tell, else now.
            caller: Who called.
            callee: Who was called.
            name: Left out, the file's name.
            language: Language code such as `en`; left out, it is recognized.
            user_email: Whose it is; left out or unknown, the caller's.
            recording_url: Instead of a file: an https address from which this server fetches the recording.
            muted_intervals: Pauses, in seconds.
            transcript: A transcript that is there already; nothing is recognized then. What it is is known by its
                content: WebVTT or SRT (speakers by `<v Name>` or `Name:`), the documents of Teams and Meet, or JSON
                segments.
            on_progress: Told how many bytes of how many are sent; after a fault it begins anew.
        """
        return await self._sender.send(
            upload(
                Request[ConversationShown](
                    api=Api.CALLFLOOR, method="POST", path="/api/v2/calls", answer=ConversationShown
                ),
                {
                    "external_call_id": given(external_call_id),
                    "date": given(date),
                    "caller": given(caller),
                    "callee": given(callee),
                    "name": given(name),
                    "language": given(language),
                    "user_email": given(user_email),
                    "recording_url": given(recording_url),
                    "direction": given(direction),
                    "recording_consent": given(recording_consent),
                    "participants": given(participants),
                    "channels": given(channels),
                    "muted_intervals": given(muted_intervals),
                    "transcript": given(transcript),
                },
                {"file": file, "transcript": transcript_file},
                on_progress,
                takes_json=True,
            )
        )

    async def get(self, call_id: str) -> ConversationShown:
        """Show one call, with what was said.

        Needs the scope `conversations:read`.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/calls/{call_id}", call_id=call_id),
                answer=ConversationShown,
            )
        )

    async def change(
        self,
        call_id: str,
        *,
        name: str | None = None,
        outcome: str | Unset | None = UNSET,
        rating: int | Unset | None = UNSET,
        crm_reference: Mapping[str, Any] | Unset | None = UNSET,
        participants: Sequence[ParticipantChange] | Unset | None = UNSET,
        if_match: str | None = None,
    ) -> ConversationShown:
        """Change a call's name, outcome, rating, CRM reference, or the names of who took part.

        Needs the scope `conversations:write`.

        Args:
            name: Cannot be emptied.
            participants: Only those whose name is to change.
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="PATCH",
                path=path("/api/v2/calls/{call_id}", call_id=call_id),
                answer=ConversationShown,
                body={
                    "name": given(name),
                    "outcome": outcome,
                    "rating": rating,
                    "crm_reference": crm_reference,
                    "participants": participants,
                },
                headers={"If-Match": if_match},
            )
        )

    async def add_comment(
        self,
        call_id: str,
        *,
        text: str,
        start: float | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> ConversationShown:
        """Comment on a call; shows the call.

        Needs the scope `conversations:write`.

        Args:
            idempotency_key: The same key within 24 hours gets the first answer again, and nothing is done twice.
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/calls/{call_id}/comments", call_id=call_id),
                answer=ConversationShown,
                body={"text": text, "start": given(start)},
                headers={"Idempotency-Key": idempotency_key or new_idempotency_key(), "If-Match": if_match},
                is_repeatable=True,
            )
        )

    async def change_comment(
        self, call_id: str, comment_id: str, *, text: str, if_match: str | None = None
    ) -> ConversationShown:
        """Give your comment on a call another text; shows the call.

        Needs the scope `conversations:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="PATCH",
                path=path("/api/v2/calls/{call_id}/comments/{comment_id}", call_id=call_id, comment_id=comment_id),
                answer=ConversationShown,
                body={"text": text},
                headers={"If-Match": if_match},
            )
        )

    async def remove_comment(self, call_id: str, comment_id: str, *, if_match: str | None = None) -> ConversationShown:
        """Remove a comment on a call; shows the call.

        Needs the scope `conversations:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/calls/{call_id}/comments/{comment_id}", call_id=call_id, comment_id=comment_id),
                answer=ConversationShown,
                headers={"If-Match": if_match},
            )
        )

    def list_history(
        self, call_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[EditPage, EditShown]:
        """List who changed what of a call, newest first.

        Needs the scope `conversations:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[EditPage](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/calls/{call_id}/history", call_id=call_id),
                answer=EditPage,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    async def reanalyze(self, call_id: str, *, language: str | None = None) -> ConversationShown:
        """Analyze the recording of a call anew; what is there stays until then.

        Needs the scope `conversations:write`.

        Args:
            language: What is spoken; `auto` finds it out, left out it stays as it is.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/calls/{call_id}/analysis", call_id=call_id),
                answer=ConversationShown,
                body={"language": given(language)},
            )
        )

    def list_redactions(
        self, call_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[RedactionPage, RedactionShown]:
        """List what was taken out of a call, newest first.

        Needs the scope `conversations:erase`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[RedactionPage](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/calls/{call_id}/redactions", call_id=call_id),
                answer=RedactionPage,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    async def redact(
        self, call_id: str, *, intervals: Sequence[Interval], dry_run: bool | None = None
    ) -> RedactionShown:
        """Take parts out of a call for good; 409 `legal_hold` where it is held. A dry run changes nothing.

        Needs the scope `conversations:erase`.

        Args:
            dry_run: Only tell what would be taken out.
        """
        return await self._sender.send(
            Request[RedactionShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/calls/{call_id}/redactions", call_id=call_id),
                answer=RedactionShown,
                body={"intervals": intervals, "dry_run": given(dry_run)},
            )
        )

    def list(
        self,
        *,
        scope: Literal["external", "internal", "all"] | None = None,
        from_: datetime.datetime | datetime.date | str | None = None,
        to: datetime.datetime | datetime.date | str | None = None,
        updated_since: datetime.datetime | datetime.date | str | None = None,
        customer_domain: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AsyncPages[ConversationPage, ConversationShown]:
        """List the team's calls, newest first.

        Needs the scope `conversations:read`.

        Args:
            scope: Whether somebody from outside the team took part.
            from_: Began then or later.
            to: Began then or earlier.
            updated_since: Changed then or later.
            customer_domain: An external participant has this e-mail domain.
            cursor: The `next_cursor` of the answer before.
            limit: How many rows at most.
        """
        return AsyncPages(
            self._sender,
            Request[ConversationPage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/calls",
                answer=ConversationPage,
                query={
                    "scope": scope,
                    "from": from_,
                    "to": to,
                    "updated_since": updated_since,
                    "customer_domain": customer_domain,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            by_cursor,
            "data",
        )


class AsyncChangesMethods:
    """Changes, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(self, *, after: str | None = None, limit: int | None = None, wait: int | None = None) -> ChangePage:
        """List what changed after a point; a reader that only follows this misses nothing.

        Needs the scope `conversations:read`.

        Args:
            after: `next` of your last answer; left out, from the first.
            limit: How many changes at most.
            wait: Seconds to wait for a change where there is none.
        """
        return await self._sender.send(
            Request[ChangePage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/changes",
                answer=ChangePage,
                query={"after": after, "limit": limit, "wait": wait},
            )
        )


class AsyncDevicesMethods:
    """Devices, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get(self, device_id: int) -> DeviceShown:
        """Look at one device.

        Needs the scope `devices:read`.
        """
        return await self._sender.send(
            Request[DeviceShown](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/devices/{device_id}", device_id=device_id),
                answer=DeviceShown,
            )
        )

    async def nickname(self, device_id: int, *, nickname: str | None, if_match: str | None = None) -> DeviceShown:
        """Give a device a nickname.

        Needs the scope `devices:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[DeviceShown](
                api=Api.CALLFLOOR,
                method="PATCH",
                path=path("/api/v2/devices/{device_id}", device_id=device_id),
                answer=DeviceShown,
                body={"nickname": nickname},
                headers={"If-Match": if_match},
            )
        )

    async def block(self, device_id: int, *, reason: str | None = None) -> DeviceShown:
        """Shut a device out, and free its seat.

        Needs the scope `devices:write`.
        """
        return await self._sender.send(
            Request[DeviceShown](
                api=Api.CALLFLOOR,
                method="PUT",
                path=path("/api/v2/devices/{device_id}/block", device_id=device_id),
                answer=DeviceShown,
                body={"reason": given(reason)},
            )
        )

    async def unblock(self, device_id: int) -> None:
        """Let a device in again; it takes a seat at its next log-in.

        Needs the scope `devices:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/devices/{device_id}/block", device_id=device_id),
                answer=None,
            )
        )

    async def unassign(self, device_id: int) -> None:
        """Take a device off its seat; it may log in again.

        Needs the scope `devices:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/devices/{device_id}/seat", device_id=device_id),
                answer=None,
            )
        )

    async def sign_out(self, device_id: int) -> None:
        """End every token of a device; it may log in again, and an agent of a person is confirmed again.

        Needs the scope `devices:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/devices/{device_id}/tokens", device_id=device_id),
                answer=None,
            )
        )

    async def settle_conflict(self, device_id: int) -> None:
        """Forget that another host came with the same machine id.

        Needs the scope `devices:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/devices/{device_id}/conflict", device_id=device_id),
                answer=None,
            )
        )

    async def change_many(
        self,
        *,
        action: Literal["block", "unblock", "unassign"],
        device_ids: Sequence[int],
        reason: str | None = None,
        dry_run: bool | None = None,
    ) -> DeviceBatch:
        """Block, unblock or unassign many devices.

        Needs the scope `devices:write`.
        """
        return await self._sender.send(
            Request[DeviceBatch](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/devices/batches",
                answer=DeviceBatch,
                body={"action": action, "device_ids": device_ids, "reason": given(reason), "dry_run": given(dry_run)},
            )
        )

    async def rotate_secret(self) -> DeviceSecret:
        """Replace the secret by which machines join; the old one stops working at once, tokens of devices do not.

        Needs the scope `devices:write`.
        """
        return await self._sender.send(
            Request[DeviceSecret](
                api=Api.CALLFLOOR, method="PUT", path="/api/v2/team/device-secret", answer=DeviceSecret
            )
        )

    def list(
        self,
        *,
        state: Literal["seated", "unseated", "blocked", "conflict"] | None = None,
        hostname: str | None = None,
        nickname: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[DevicePage, DeviceShown]:
        """List the team's devices.

        Needs the scope `devices:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[DevicePage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/devices",
                answer=DevicePage,
                query={"state": state, "hostname": hostname, "nickname": nickname, "limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )


class AsyncErasuresMethods:
    """Erasures, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def request(
        self,
        *,
        conversation_ids: Sequence[str] | None = None,
        email: str | None = None,
        number: str | None = None,
        dry_run: bool | None = None,
        skip_held: bool | None = None,
    ) -> ErasureRequested:
        """Erase conversations; 409 `legal_hold` says what is held. A dry run tells the very same, and erases nothing.

        Needs the scope `conversations:erase`.

        Args:
            dry_run: Only tell what would be erased, and what is held.
            skip_held: Erase the rest where something is held, instead of nothing.
        """
        return await self._sender.send(
            Request[ErasureRequested](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/erasures",
                answer=ErasureRequested,
                body={
                    "conversation_ids": given(conversation_ids),
                    "email": given(email),
                    "number": given(number),
                    "dry_run": given(dry_run),
                    "skip_held": given(skip_held),
                },
            )
        )

    async def get(self, erasure_id: str) -> ErasureReceipt:
        """Show one receipt.

        Needs the scope `conversations:erase`.
        """
        return await self._sender.send(
            Request[ErasureReceipt](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/erasures/{erasure_id}", erasure_id=erasure_id),
                answer=ErasureReceipt,
            )
        )

    def list_conversations(
        self, erasure_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[ErasedConversations, ErasedConversationShown]:
        """List what became of each conversation of an erasure.

        Needs the scope `conversations:erase`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[ErasedConversations](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/erasures/{erasure_id}/conversations", erasure_id=erasure_id),
                answer=ErasedConversations,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[ErasureReceipts, ErasureReceipt]:
        """List the receipts, newest first.

        Needs the scope `conversations:erase`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[ErasureReceipts](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/erasures",
                answer=ErasureReceipts,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )


class AsyncHoldsMethods:
    """Holds, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def place(
        self, reason: str, *, conversation_id: str | None = None, email: str | None = None, number: str | None = None
    ) -> HoldShown:
        """Keep a conversation, or every conversation of a person, until the hold is lifted.

        Needs the scope `conversations:erase`.
        """
        return await self._sender.send(
            Request[HoldShown](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/holds",
                answer=HoldShown,
                body={
                    "conversation_id": given(conversation_id),
                    "email": given(email),
                    "number": given(number),
                    "reason": reason,
                },
            )
        )

    async def get(self, hold_id: str) -> HoldShown:
        """Show one hold.

        Needs the scope `conversations:erase`.
        """
        return await self._sender.send(
            Request[HoldShown](
                api=Api.CALLFLOOR, method="GET", path=path("/api/v2/holds/{hold_id}", hold_id=hold_id), answer=HoldShown
            )
        )

    async def lift(self, hold_id: str) -> HoldShown:
        """Lift a hold: what it kept may be erased again, by retention too.

        Needs the scope `conversations:erase`.
        """
        return await self._sender.send(
            Request[HoldShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/holds/{hold_id}/lift", hold_id=hold_id),
                answer=HoldShown,
            )
        )

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[HoldPage, HoldShown]:
        """List the holds, newest first.

        Needs the scope `conversations:erase`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[HoldPage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/holds",
                answer=HoldPage,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )


class AsyncImportsMethods:
    """Imports, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_locations(self) -> AsyncPages[ImportLocations, ImportLocation]:
        """List the places that the team's imports may read, as the operator allows them.

        Needs the scope `conversations:read`.
        """
        return AsyncPages(
            self._sender,
            Request[ImportLocations](
                api=Api.CALLFLOOR, method="GET", path="/api/v2/imports/locations", answer=ImportLocations
            ),
            whole,
            "data",
        )

    async def begin(
        self,
        table: File | None = None,
        *,
        location: str,
        dry_run: bool | None = None,
        format: ImportFormat | None = None,
        timezone: str | None = None,
        encoding: str | None = None,
        language: str | None = None,
        mapping: str | None = None,
        on_progress: Progress | None = None,
    ) -> ImportShown:
        """Begin an import; a worker runs it behind everything else.

        Needs the scope `conversations:write`.

        Args:
            table: The table as CSV; none with the format `files`.
            location: Name of an allowed place with the recordings.
            dry_run: Tell what would be created, and create nothing.
            timezone: Of times without an offset.
            language: Spoken in calls that do not say it.
            mapping: JSON: `columns`, `values`, `date_format`, `delimiter`.
            on_progress: Told how many bytes of how many are sent; after a fault it begins anew.
        """
        return await self._sender.send(
            upload(
                Request[ImportShown](api=Api.CALLFLOOR, method="POST", path="/api/v2/imports", answer=ImportShown),
                {
                    "location": location,
                    "dry_run": given(dry_run),
                    "format": given(format),
                    "timezone": given(timezone),
                    "encoding": given(encoding),
                    "language": given(language),
                    "mapping": given(mapping),
                },
                {"table": table},
                on_progress,
                takes_json=False,
            )
        )

    async def get(self, import_id: str) -> ImportShown:
        """Show how far an import is.

        Needs the scope `conversations:read`.
        """
        return await self._sender.send(
            Request[ImportShown](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/imports/{import_id}", import_id=import_id),
                answer=ImportShown,
            )
        )

    async def stop(self, import_id: str) -> ImportShown:
        """Stop behind the batch under way; what is created stays.

        Needs the scope `conversations:write`.
        """
        return await self._sender.send(
            Request[ImportShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/imports/{import_id}/stop", import_id=import_id),
                answer=ImportShown,
            )
        )

    async def resume(self, import_id: str) -> ImportShown:
        """Go on where a stopped or failed import was.

        Needs the scope `conversations:write`.
        """
        return await self._sender.send(
            Request[ImportShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/imports/{import_id}/resume", import_id=import_id),
                answer=ImportShown,
            )
        )

    def export_refusals(self, import_id: str) -> AsyncDownload:
        """Return every fault of every refused row as CSV: row, file, field, expected.

        Needs the scope `conversations:read`.
        """
        return AsyncDownload(
            self._sender,
            Request[Any](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/imports/{import_id}/refusals", import_id=import_id),
                answer=None,
            ),
        )

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ImportPage, ImportShown]:
        """List the team's imports, newest first.

        Needs the scope `conversations:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[ImportPage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/imports",
                answer=ImportPage,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )


class AsyncInvitationsMethods:
    """Invitations, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def invite(
        self, email: str, *, role: Literal["admin", "configurator", "analytics", "user"] | None = None
    ) -> Invitation:
        """Keep the lowest free seat for the person, and mail them a link.

        Needs the scope `people:write`.
        """
        return await self._sender.send(
            Request[Invitation](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/invitations",
                answer=Invitation,
                body={"email": email, "role": given(role)},
            )
        )

    async def invite_many(
        self,
        *,
        emails: Sequence[str] | None = None,
        text: str | None = None,
        role: Literal["admin", "configurator", "analytics", "user"] | None = None,
        dry_run: bool | None = None,
    ) -> InvitationBatch:
        """Invite many at once: everybody new, or nobody when there are more of them than free seats.

        Needs the scope `people:write`.
        """
        return await self._sender.send(
            Request[InvitationBatch](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/invitations/batches",
                answer=InvitationBatch,
                body={"emails": given(emails), "text": given(text), "role": given(role), "dry_run": given(dry_run)},
            )
        )

    async def resend_all(self) -> SentInvitations:
        """Send every pending invitation again; the links of the earlier mails stop working.

        Needs the scope `people:write`.
        """
        return await self._sender.send(
            Request[SentInvitations](
                api=Api.CALLFLOOR, method="POST", path="/api/v2/invitations/sendings", answer=SentInvitations
            )
        )

    async def get(self, invitation_id: int) -> Invitation:
        """Return one invitation.

        Needs the scope `people:read`.
        """
        return await self._sender.send(
            Request[Invitation](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/invitations/{invitation_id}", invitation_id=invitation_id),
                answer=Invitation,
            )
        )

    async def revoke(self, invitation_id: int) -> None:
        """End a pending invitation: its link stops working, and its seat is free.

        Needs the scope `people:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/invitations/{invitation_id}", invitation_id=invitation_id),
                answer=None,
            )
        )

    async def resend(self, invitation_id: int) -> Invitation:
        """Send a pending invitation again; the links of the earlier mails stop working.

        Needs the scope `people:write`.
        """
        return await self._sender.send(
            Request[Invitation](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/invitations/{invitation_id}/sendings", invitation_id=invitation_id),
                answer=Invitation,
            )
        )

    def list(
        self,
        *,
        status: Literal["pending", "accepted", "revoked", "expired"] | None = None,
        q: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[Invitations, Invitation]:
        """List invitations by id, also those that have ended.

        Needs the scope `people:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[Invitations](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/invitations",
                answer=Invitations,
                query={"status": status, "q": q, "limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )


class AsyncKeysMethods:
    """Keys, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def create(
        self,
        *,
        kind: KeyKind,
        name: str,
        scopes: Sequence[Scope] | None = None,
        networks: Sequence[str] | None = None,
        expires_in_days: int | None = None,
    ) -> KeyWithSecret:
        """Make a key; one made by a key has none of the rights of the Callfloor API that its maker lacks.

        Needs the scope `keys:write`.

        Args:
            scopes: Of a key of the Callfloor API; left out, all that the caller has.
            expires_in_days: Left out, never; a Conversations key lives 365 days, or fewer when so asked.
        """
        return await self._sender.send(
            Request[KeyWithSecret](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/keys",
                answer=KeyWithSecret,
                body={
                    "kind": kind,
                    "name": name,
                    "scopes": given(scopes),
                    "networks": given(networks),
                    "expires_in_days": given(expires_in_days),
                },
            )
        )

    async def get(self, key_id: int) -> Key:
        """Show one key.

        Needs the scope `keys:read`.
        """
        return await self._sender.send(
            Request[Key](api=Api.CALLFLOOR, method="GET", path=path("/api/v2/keys/{key_id}", key_id=key_id), answer=Key)
        )

    async def change(
        self,
        key_id: int,
        *,
        name: str | Unset | None = UNSET,
        networks: Sequence[str] | Unset | None = UNSET,
        expires_in_days: int | Unset | None = UNSET,
        if_match: str | None = None,
    ) -> Key:
        """Rename a key, bind it to networks, or let it expire; of a Portal key's names only the new one works at once.

        Needs the scope `keys:write`.

        Args:
            networks: Null or empty: from everywhere.
            expires_in_days: Days from now; null is never. A Conversations key has its year, until it is rotated.
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[Key](
                api=Api.CALLFLOOR,
                method="PATCH",
                path=path("/api/v2/keys/{key_id}", key_id=key_id),
                answer=Key,
                body={"name": name, "networks": networks, "expires_in_days": expires_in_days},
                headers={"If-Match": if_match},
            )
        )

    async def delete(self, key_id: int, *, if_match: str | None = None) -> None:
        """Delete a key; it stops working at once.

        Needs the scope `keys:write`.

        Args:
            if_match: The ETag you last read.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/keys/{key_id}", key_id=key_id),
                answer=None,
                headers={"If-Match": if_match},
            )
        )

    async def rotate(self, key_id: int, *, keep_days: int | None = None, if_match: str | None = None) -> KeyWithSecret:
        """Give a key a new secret; the old one goes on working for `keep_days`. A Conversations key's year begins
        anew.

        Needs the scope `keys:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[KeyWithSecret](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/keys/{key_id}/rotation", key_id=key_id),
                answer=KeyWithSecret,
                body={"keep_days": given(keep_days)},
                headers={"If-Match": if_match},
            )
        )

    async def end_rotation(self, key_id: int) -> Key:
        """End the old secret of a key now.

        Needs the scope `keys:write`.
        """
        return await self._sender.send(
            Request[Key](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/keys/{key_id}/rotation", key_id=key_id),
                answer=Key,
            )
        )

    def list(self, *, cursor: str | None = None, limit: int | None = None) -> AsyncPages[Keys, Key]:
        """List the team's keys.

        Needs the scope `keys:read`.

        Args:
            cursor: The `next_cursor` of the answer before.
            limit: How many rows at most.
        """
        return AsyncPages(
            self._sender,
            Request[Keys](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/keys",
                answer=Keys,
                query={"cursor": cursor, "limit": limit},
            ),
            by_cursor,
            "data",
        )


class AsyncLiveMethods:
    """Live, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def snapshot(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        state: Literal["online", "in_call", "offline", "unhealthy", "unavailable"] | None = None,
        hostname: str | None = None,
        username: str | None = None,
    ) -> AsyncPages[LiveSnapshot, LiveDeviceShown]:
        """Show what the team's devices do at this moment.

        Needs the scope `live:read`.
        """
        return AsyncPages(
            self._sender,
            Request[LiveSnapshot](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/live/snapshot",
                answer=LiveSnapshot,
                query={"cursor": cursor, "limit": limit, "state": state, "hostname": hostname, "username": username},
            ),
            by_cursor,
            "data",
        )

    async def states(
        self,
        device_id: int,
        *,
        from_: datetime.datetime | datetime.date | str,
        to: datetime.datetime | datetime.date | str | None = None,
    ) -> DeviceStates:
        """Show from when until when a device was in which state.

        Needs the scope `live:read`.
        """
        return await self._sender.send(
            Request[DeviceStates](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/devices/{id}/states", id=device_id),
                answer=DeviceStates,
                query={"from": from_, "to": to},
            )
        )

    def history(
        self,
        from_: datetime.datetime | datetime.date | str,
        *,
        to: datetime.datetime | datetime.date | str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AsyncPages[DeviceTimesPage, DeviceTimes]:
        """Show for how long the team's devices were in each state.

        Needs the scope `live:read`.
        """
        return AsyncPages(
            self._sender,
            Request[DeviceTimesPage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/live/history",
                answer=DeviceTimesPage,
                query={"from": from_, "to": to, "cursor": cursor, "limit": limit},
            ),
            by_cursor,
            "data",
        )


class AsyncMeetingsMethods:
    """Meetings, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def upload(
        self,
        file: File | None = None,
        *,
        transcript_file: File | None = None,
        external_call_id: str | None = None,
        date: datetime.datetime | None = None,
        caller: str | None = None,
        callee: str | None = None,
        name: str | None = None,
        language: str | None = None,
        user_email: str | None = None,
        recording_url: str | None = None,
        direction: UploadDirection | None = None,
        recording_consent: UploadRecordingConsent | None = None,
        participants: Sequence[UploadParticipants] | None = None,
        channels: Mapping[str, str] | None = None,
        muted_intervals: Sequence[UploadMutedIntervals] | None = None,
        transcript: str | Sequence[UploadTranscript] | None = None,
        on_progress: Progress | None = None,
    ) -> ConversationShown:
        """Upload a meeting: its recording, the recording's address, or the transcript file of Zoom, Teams or Meet.

        Needs the scope `conversations:write`.

        Args:
            file: The recording.
            transcript_file: The same as a file: JSON, WebVTT, SRT, or the document that Teams or Meet exports.
            external_call_id: Your own id; the same id again is the same conversation.
            date: When it began, ISO 8601; left out, what a meeting's files tell, else now.
            caller: Who called.
            callee: Who was called.
            name: Left out, the file's name.
            language: Language code such as `en`; left out, it is recognized.
            user_email: Whose it is; left out or unknown, the caller's.
            recording_url: Instead of a file: an https address from which this server fetches the recording.
            muted_intervals: Pauses, in seconds.
            transcript: A transcript that is there already; nothing is recognized then. What it is is known by its
                content: WebVTT or SRT (speakers by `<v Name>` or `Name:`), the documents of Teams and Meet, or JSON
                segments.
            on_progress: Told how many bytes of how many are sent; after a fault it begins anew.
        """
        return await self._sender.send(
            upload(
                Request[ConversationShown](
                    api=Api.CALLFLOOR, method="POST", path="/api/v2/meetings", answer=ConversationShown
                ),
                {
                    "external_call_id": given(external_call_id),
                    "date": given(date),
                    "caller": given(caller),
                    "callee": given(callee),
                    "name": given(name),
                    "language": given(language),
                    "user_email": given(user_email),
                    "recording_url": given(recording_url),
                    "direction": given(direction),
                    "recording_consent": given(recording_consent),
                    "participants": given(participants),
                    "channels": given(channels),
                    "muted_intervals": given(muted_intervals),
                    "transcript": given(transcript),
                },
                {"file": file, "transcript": transcript_file},
                on_progress,
                takes_json=True,
            )
        )

    async def get(self, meeting_id: str) -> ConversationShown:
        """Show one meeting, with what was said.

        Needs the scope `conversations:read`.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/meetings/{meeting_id}", meeting_id=meeting_id),
                answer=ConversationShown,
            )
        )

    async def change(
        self,
        meeting_id: str,
        *,
        name: str | None = None,
        outcome: str | Unset | None = UNSET,
        rating: int | Unset | None = UNSET,
        crm_reference: Mapping[str, Any] | Unset | None = UNSET,
        participants: Sequence[ParticipantChange] | Unset | None = UNSET,
        if_match: str | None = None,
    ) -> ConversationShown:
        """Change a meeting's name, outcome, rating, CRM reference, or the names of who took part.

        Needs the scope `conversations:write`.

        Args:
            name: Cannot be emptied.
            participants: Only those whose name is to change.
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="PATCH",
                path=path("/api/v2/meetings/{meeting_id}", meeting_id=meeting_id),
                answer=ConversationShown,
                body={
                    "name": given(name),
                    "outcome": outcome,
                    "rating": rating,
                    "crm_reference": crm_reference,
                    "participants": participants,
                },
                headers={"If-Match": if_match},
            )
        )

    async def add_comment(
        self,
        meeting_id: str,
        *,
        text: str,
        start: float | None = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> ConversationShown:
        """Comment on a meeting; shows the meeting.

        Needs the scope `conversations:write`.

        Args:
            idempotency_key: The same key within 24 hours gets the first answer again, and nothing is done twice.
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/meetings/{meeting_id}/comments", meeting_id=meeting_id),
                answer=ConversationShown,
                body={"text": text, "start": given(start)},
                headers={"Idempotency-Key": idempotency_key or new_idempotency_key(), "If-Match": if_match},
                is_repeatable=True,
            )
        )

    async def change_comment(
        self, meeting_id: str, comment_id: str, *, text: str, if_match: str | None = None
    ) -> ConversationShown:
        """Give your comment on a meeting another text; shows the meeting.

        Needs the scope `conversations:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="PATCH",
                path=path(
                    "/api/v2/meetings/{meeting_id}/comments/{comment_id}", meeting_id=meeting_id, comment_id=comment_id
                ),
                answer=ConversationShown,
                body={"text": text},
                headers={"If-Match": if_match},
            )
        )

    async def remove_comment(
        self, meeting_id: str, comment_id: str, *, if_match: str | None = None
    ) -> ConversationShown:
        """Remove a comment on a meeting; shows the meeting.

        Needs the scope `conversations:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path(
                    "/api/v2/meetings/{meeting_id}/comments/{comment_id}", meeting_id=meeting_id, comment_id=comment_id
                ),
                answer=ConversationShown,
                headers={"If-Match": if_match},
            )
        )

    def list_history(
        self, meeting_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[EditPage, EditShown]:
        """List who changed what of a meeting, newest first.

        Needs the scope `conversations:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[EditPage](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/meetings/{meeting_id}/history", meeting_id=meeting_id),
                answer=EditPage,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    async def reanalyze(self, meeting_id: str, *, language: str | None = None) -> ConversationShown:
        """Analyze the recording of a meeting anew; what is there stays until then.

        Needs the scope `conversations:write`.

        Args:
            language: What is spoken; `auto` finds it out, left out it stays as it is.
        """
        return await self._sender.send(
            Request[ConversationShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/meetings/{meeting_id}/analysis", meeting_id=meeting_id),
                answer=ConversationShown,
                body={"language": given(language)},
            )
        )

    def list_redactions(
        self, meeting_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[RedactionPage, RedactionShown]:
        """List what was taken out of a meeting, newest first.

        Needs the scope `conversations:erase`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[RedactionPage](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/meetings/{meeting_id}/redactions", meeting_id=meeting_id),
                answer=RedactionPage,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    async def redact(
        self, meeting_id: str, *, intervals: Sequence[Interval], dry_run: bool | None = None
    ) -> RedactionShown:
        """Take parts out of a meeting for good; 409 `legal_hold` where it is held. A dry run changes nothing.

        Needs the scope `conversations:erase`.

        Args:
            dry_run: Only tell what would be taken out.
        """
        return await self._sender.send(
            Request[RedactionShown](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/meetings/{meeting_id}/redactions", meeting_id=meeting_id),
                answer=RedactionShown,
                body={"intervals": intervals, "dry_run": given(dry_run)},
            )
        )

    def list(
        self,
        *,
        scope: Literal["external", "internal", "all"] | None = None,
        from_: datetime.datetime | datetime.date | str | None = None,
        to: datetime.datetime | datetime.date | str | None = None,
        updated_since: datetime.datetime | datetime.date | str | None = None,
        customer_domain: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AsyncPages[ConversationPage, ConversationShown]:
        """List the team's meetings, newest first.

        Needs the scope `conversations:read`.

        Args:
            scope: Whether somebody from outside the team took part.
            from_: Began then or later.
            to: Began then or earlier.
            updated_since: Changed then or later.
            customer_domain: An external participant has this e-mail domain.
            cursor: The `next_cursor` of the answer before.
            limit: How many rows at most.
        """
        return AsyncPages(
            self._sender,
            Request[ConversationPage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/meetings",
                answer=ConversationPage,
                query={
                    "scope": scope,
                    "from": from_,
                    "to": to,
                    "updated_since": updated_since,
                    "customer_domain": customer_domain,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            by_cursor,
            "data",
        )


class AsyncPeopleMethods:
    """People, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def make_agent_code(self, person_id: int) -> AgentCode:
        """Make a code by which an agent of the person signs in once; the one before ends.

        Needs the scope `people:write`.
        """
        return await self._sender.send(
            Request[AgentCode](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/people/{person_id}/agent-codes", person_id=person_id),
                answer=AgentCode,
            )
        )

    async def withdraw_agent_code(self, person_id: int) -> None:
        """End the code that was made for the person's agent, if it is not used yet.

        Needs the scope `people:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/people/{person_id}/agent-codes", person_id=person_id),
                answer=None,
            )
        )

    async def get(self, person_id: int) -> Person:
        """Return one member.

        Needs the scope `people:read`.
        """
        return await self._sender.send(
            Request[Person](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/people/{person_id}", person_id=person_id),
                answer=Person,
            )
        )

    async def remove(self, person_id: int, *, if_match: str | None = None) -> None:
        """Take the person out of the team; their seat is free again.

        Needs the scope `people:write`.

        Args:
            if_match: The ETag you last read.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/people/{person_id}", person_id=person_id),
                answer=None,
                headers={"If-Match": if_match},
            )
        )

    async def change_role(
        self,
        person_id: int,
        *,
        role: Literal["admin", "configurator", "analytics", "user"],
        if_match: str | None = None,
    ) -> Person:
        """Give the person another role; only an administrator makes or changes an administrator.

        Needs the scope `people:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[Person](
                api=Api.CALLFLOOR,
                method="PUT",
                path=path("/api/v2/people/{person_id}/role", person_id=person_id),
                answer=Person,
                body={"role": role},
                headers={"If-Match": if_match},
            )
        )

    async def remove_many(self, ids: Sequence[int], *, dry_run: bool | None = None) -> PeopleRemovals:
        """Take many people out of the team; each row says what became of one.

        Needs the scope `people:write`.
        """
        return await self._sender.send(
            Request[PeopleRemovals](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/people/removals",
                answer=PeopleRemovals,
                body={"ids": ids, "dry_run": given(dry_run)},
            )
        )

    def list(
        self,
        *,
        q: str | None = None,
        status: Literal["assigned", "unassigned"] | None = None,
        role: Literal["admin", "configurator", "analytics", "user"] | None = None,
        never_signed_in: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[People, ListedPerson]:
        """List members by id; `q` is part of the e-mail address, `status` says whether they hold a seat.

        Needs the scope `people:read`.

        Args:
            never_signed_in: Only who has never signed in.
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[People](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/people",
                answer=People,
                query={
                    "q": q,
                    "status": status,
                    "role": role,
                    "never_signed_in": never_signed_in,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            by_cursor,
            "data",
        )


class AsyncRetentionMethods:
    """Retention, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get(self) -> RetentionShown:
        """Show for how long conversations are kept.

        Needs the scope `team:read`.
        """
        return await self._sender.send(
            Request[RetentionShown](api=Api.CALLFLOOR, method="GET", path="/api/v2/retention", answer=RetentionShown)
        )

    async def set(
        self, *, call_days: int | None, meeting_days: int | None, if_match: str | None = None
    ) -> RetentionShown:
        """Set for how long conversations are kept; what is older is removed from the next night on.

        Needs the scope `conversations:erase`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[RetentionShown](
                api=Api.CALLFLOOR,
                method="PUT",
                path="/api/v2/retention",
                answer=RetentionShown,
                body={"call_days": call_days, "meeting_days": meeting_days},
                headers={"If-Match": if_match},
            )
        )


class AsyncSearchMethods:
    """Search, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def conversations(
        self,
        q: str,
        *,
        kind: Literal["call", "meeting"] | None = None,
        scope: Literal["external", "internal", "all"] | None = None,
        from_: datetime.datetime | datetime.date | str | None = None,
        to: datetime.datetime | datetime.date | str | None = None,
        customer_domain: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AsyncPages[SearchPage, SearchHit]:
        """Find conversations by what was said in them.

        Needs the scope `conversations:read`.

        Args:
            q: Words that are all said in one breath; "a phrase"; begin*; -without.
            kind: Only of this kind.
            scope: Whether somebody from outside the team took part.
            from_: Began then or later.
            to: Began then or earlier.
            customer_domain: An external participant has this e-mail domain.
            cursor: The `next_cursor` of the answer before.
            limit: How many conversations at most.
        """
        return AsyncPages(
            self._sender,
            Request[SearchPage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/search",
                answer=SearchPage,
                query={
                    "q": q,
                    "kind": kind,
                    "scope": scope,
                    "from": from_,
                    "to": to,
                    "customer_domain": customer_domain,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            by_cursor,
            "data",
        )


class AsyncSeatReclaimMethods:
    """Seat reclaim, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def show_policy(self) -> ShownReclaimPolicy:
        """Show what holds for the team.

        Needs the scope `usage:read`.
        """
        return await self._sender.send(
            Request[ShownReclaimPolicy](
                api=Api.CALLFLOOR, method="GET", path="/api/v2/seat-reclaim", answer=ShownReclaimPolicy
            )
        )

    async def set_policy(
        self,
        *,
        enabled: bool,
        inactive_days: int,
        grace_days: int,
        protected_roles: Sequence[Literal["admin", "configurator", "analytics", "user"]],
        tells_person: bool,
        tells_administrators: bool,
        hour: int,
        if_match: str | None = None,
    ) -> ShownReclaimPolicy:
        """Set what holds for the team; switched off, notices that are out are taken back.

        Needs the scope `usage:write`.

        Args:
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[ShownReclaimPolicy](
                api=Api.CALLFLOOR,
                method="PUT",
                path="/api/v2/seat-reclaim",
                answer=ShownReclaimPolicy,
                body={
                    "enabled": enabled,
                    "inactive_days": inactive_days,
                    "grace_days": grace_days,
                    "protected_roles": protected_roles,
                    "tells_person": tells_person,
                    "tells_administrators": tells_administrators,
                    "hour": hour,
                },
                headers={"If-Match": if_match},
            )
        )

    def list_runs(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ReclaimRuns, ReclaimRun]:
        """List the runs, newest first.

        Needs the scope `usage:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[ReclaimRuns](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/seat-reclaim/runs",
                answer=ReclaimRuns,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    async def run(self, *, dry_run: bool | None = None) -> ReclaimOutcome:
        """Look at all seats now: notice those nobody uses, reclaim those whose grace is over.

        Needs the scope `usage:write`.
        """
        return await self._sender.send(
            Request[ReclaimOutcome](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/seat-reclaim/runs",
                answer=ReclaimOutcome,
                body={"dry_run": given(dry_run)},
            )
        )

    def list_notices(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[ReclaimSeats, ReclaimSeat]:
        """List the seats whose holders are told, and that were not used since.

        Needs the scope `usage:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[ReclaimSeats](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/seat-reclaim/notices",
                answer=ReclaimSeats,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    def list_reclaimed(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[ReclaimSeats, ReclaimSeat]:
        """List the seats that were reclaimed, those that were restored among them.

        Needs the scope `usage:read`.

        Args:
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[ReclaimSeats](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/seat-reclaim/reclaimed",
                answer=ReclaimSeats,
                query={"limit": limit, "cursor": cursor},
            ),
            by_cursor,
            "data",
        )

    async def undo(self, reclaimed_id: int) -> ReclaimSeat:
        """Give the holder a free seat again; 409 says why that cannot be.

        Needs the scope `usage:write`.
        """
        return await self._sender.send(
            Request[ReclaimSeat](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/seat-reclaim/reclaimed/{reclaimed_id}/undo", reclaimed_id=reclaimed_id),
                answer=ReclaimSeat,
            )
        )


class AsyncSeatsMethods:
    """Seats, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def add(self, count: int, *, idempotency_key: str | None = None) -> AddedSeats:
        """Add free seats; a team that pays by card is charged for the rest of the period at once.

        Needs the scope `seats:write`.

        Args:
            idempotency_key: The same key within 24 hours gets the first answer again, and nothing is done twice.
        """
        return await self._sender.send(
            Request[AddedSeats](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/seats",
                answer=AddedSeats,
                body={"count": count},
                headers={"Idempotency-Key": idempotency_key or new_idempotency_key()},
                is_repeatable=True,
            )
        )

    async def get(self, seat_id: int) -> Seat:
        """Show one seat.

        Needs the scope `seats:read`.
        """
        return await self._sender.send(
            Request[Seat](
                api=Api.CALLFLOOR, method="GET", path=path("/api/v2/seats/{seat_id}", seat_id=seat_id), answer=Seat
            )
        )

    async def delete(self, seat_id: int, *, if_match: str | None = None) -> None:
        """Delete a free seat for good.

        Needs the scope `seats:write`.

        Args:
            if_match: The ETag you last read.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/seats/{seat_id}", seat_id=seat_id),
                answer=None,
                headers={"If-Match": if_match},
            )
        )

    async def delete_many(self, ids: Sequence[int], *, dry_run: bool | None = None) -> DeletedSeats:
        """Delete many free seats; those that cannot be deleted are named with the reason, the others are.

        Needs the scope `seats:write`.
        """
        return await self._sender.send(
            Request[DeletedSeats](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/seats/deletions",
                answer=DeletedSeats,
                body={"ids": ids, "dry_run": given(dry_run)},
            )
        )

    async def assign(
        self,
        *,
        people: Sequence[PersonToSeat] | None = None,
        text: str | None = None,
        role: Literal["admin", "configurator", "analytics", "user"] | None = None,
        partial: bool | None = None,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
    ) -> SeatChanges:
        """Put members who have no seat on the lowest free ones.

        Needs the scope `people:write`.

        Args:
            text: Addresses with commas, spaces or line breaks between: a file's column.
            partial: Seat as many as there are free seats; else, when they do not suffice, nobody.
            idempotency_key: The same key within 24 hours gets the first answer again, and nothing is done twice.
        """
        return await self._sender.send(
            Request[SeatChanges](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/seats/assignments",
                answer=SeatChanges,
                body={
                    "people": given(people),
                    "text": given(text),
                    "role": given(role),
                    "partial": given(partial),
                    "dry_run": given(dry_run),
                },
                headers={"Idempotency-Key": idempotency_key or new_idempotency_key()},
                is_repeatable=True,
            )
        )

    async def release(
        self, *, people: Sequence[PersonToRelease] | None = None, text: str | None = None, dry_run: bool | None = None
    ) -> SeatChanges:
        """Take members off their seats; they stay in the team, with their role.

        Needs the scope `people:write`.

        Args:
            text: Addresses with commas, spaces or line breaks between: a file's column.
        """
        return await self._sender.send(
            Request[SeatChanges](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/seats/releases",
                answer=SeatChanges,
                body={"people": given(people), "text": given(text), "dry_run": given(dry_run)},
            )
        )

    def list(
        self,
        *,
        status: SeatStatus | None = None,
        role: Role | None = None,
        hostname: str | None = None,
        nickname: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AsyncPages[SeatList, Seat]:
        """List seats, by id.

        Needs the scope `seats:read`.

        Args:
            hostname: Part of it, in any case.
            nickname: Part of it, in any case.
            cursor: The `next_cursor` of the answer before.
            limit: How many rows at most.
        """
        return AsyncPages(
            self._sender,
            Request[SeatList](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/seats",
                answer=SeatList,
                query={
                    "status": status,
                    "role": role,
                    "hostname": hostname,
                    "nickname": nickname,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            by_cursor,
            "data",
        )


class AsyncTeamMethods:
    """Team, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get(self) -> TeamShown:
        """Show the team.

        Needs the scope `team:read`.
        """
        return await self._sender.send(
            Request[TeamShown](api=Api.CALLFLOOR, method="GET", path="/api/v2/team", answer=TeamShown)
        )

    async def change(
        self,
        *,
        name: str | Unset | None = UNSET,
        inviting_enabled: bool | Unset | None = UNSET,
        if_match: str | None = None,
    ) -> TeamShown:
        """Change the team's name, or whether it may invite people.

        Needs the scope `team:write`.

        Args:
            inviting_enabled: Whether people may be invited by mail.
            if_match: The ETag you last read.
        """
        return await self._sender.send(
            Request[TeamShown](
                api=Api.CALLFLOOR,
                method="PATCH",
                path="/api/v2/team",
                answer=TeamShown,
                body={"name": name, "inviting_enabled": inviting_enabled},
                headers={"If-Match": if_match},
            )
        )

    def list_domains(self) -> AsyncPages[TeamDomains, TeamDomain]:
        """List the e-mail domains of the team's own people.

        Needs the scope `team:read`.
        """
        return AsyncPages(
            self._sender,
            Request[TeamDomains](api=Api.CALLFLOOR, method="GET", path="/api/v2/team/domains", answer=TeamDomains),
            whole,
            "data",
        )

    async def add_domain(self, domain: str) -> TeamDomain:
        """Make an e-mail domain the team's own; adding it again changes nothing.

        Needs the scope `team:write`.
        """
        return await self._sender.send(
            Request[TeamDomain](
                api=Api.CALLFLOOR,
                method="PUT",
                path=path("/api/v2/team/domains/{domain}", domain=domain),
                answer=TeamDomain,
            )
        )

    async def remove_domain(self, domain: str) -> None:
        """Take an e-mail domain from the team.

        Needs the scope `team:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/team/domains/{domain}", domain=domain),
                answer=None,
            )
        )


class AsyncUploadsMethods:
    """Uploads, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def get(self, upload_id: str) -> UploadShown:
        """Show how far an upload is, and what became of it.

        Needs the scope `conversations:write`.
        """
        return await self._sender.send(
            Request[UploadShown](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/uploads/{upload_id}", upload_id=upload_id),
                answer=UploadShown,
            )
        )

    async def delete(self, upload_id: str) -> None:
        """End an upload and remove what came of it; the conversation of a whole one stays.

        Needs the scope `conversations:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/uploads/{upload_id}", upload_id=upload_id),
                answer=None,
                headers={"Tus-Resumable": "1.0.0"},
            )
        )


class AsyncUsageMethods:
    """Usage, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def show(
        self,
        *,
        from_: datetime.date | str | None = None,
        to: datetime.date | str | None = None,
        cadence: Cadence | None = None,
        group_by: GroupKind | None = None,
        group_id: str | None = None,
        time_zone: str | None = None,
        leaders: int | None = None,
    ) -> UsageShown:
        """Show totals, their course, the time before, and who talked most.

        Needs the scope `usage:read`.

        Args:
            from_: The first day; left out, 27 days before the last.
            to: The last day; left out, today in UTC.
            cadence: Days, weeks from Monday, or months.
            group_by: What calls are added up by.
            group_id: Only of this group of the kind.
            time_zone: Whose days, such as Europe/Berlin.
            leaders: How many groups to name.
        """
        return await self._sender.send(
            Request[UsageShown](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/usage",
                answer=UsageShown,
                query={
                    "from": from_,
                    "to": to,
                    "cadence": cadence,
                    "group_by": group_by,
                    "group_id": group_id,
                    "time_zone": time_zone,
                    "leaders": leaders,
                },
            )
        )

    def rows(
        self,
        *,
        from_: datetime.date | str | None = None,
        to: datetime.date | str | None = None,
        cadence: Cadence | None = None,
        group_by: GroupKind | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[UsageRowPage, UsageRowShown]:
        """List what each group's calls add up to in each period.

        Needs the scope `usage:read`.

        Args:
            from_: The first day; left out, 27 days before the last.
            to: The last day; left out, today in UTC.
            cadence: Days, weeks from Monday, or months.
            group_by: What calls are added up by.
            limit: How many rows at most.
            cursor: The `next_cursor` of the answer before.
        """
        return AsyncPages(
            self._sender,
            Request[UsageRowPage](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/usage/rows",
                answer=UsageRowPage,
                query={
                    "from": from_,
                    "to": to,
                    "cadence": cadence,
                    "group_by": group_by,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            by_cursor,
            "data",
        )

    def export(
        self,
        *,
        from_: datetime.date | str | None = None,
        to: datetime.date | str | None = None,
        cadence: Cadence | None = None,
        group_by: GroupKind | None = None,
    ) -> AsyncDownload:
        """Return all rows as CSV (RFC 4180, UTF-8).

        Needs the scope `usage:read`.

        Args:
            from_: The first day; left out, 27 days before the last.
            to: The last day; left out, today in UTC.
            cadence: Days, weeks from Monday, or months.
            group_by: What calls are added up by.
        """
        return AsyncDownload(
            self._sender,
            Request[Any](
                api=Api.CALLFLOOR,
                method="GET",
                path="/api/v2/usage.csv",
                answer=None,
                query={"from": from_, "to": to, "cadence": cadence, "group_by": group_by},
            ),
        )


class AsyncWebhooksMethods:
    """Webhooks, of the Callfloor API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def create(
        self,
        *,
        url: str,
        events: Sequence[
            Literal[
                "meeting_analyzed",
                "call_analyzed",
                "meeting_received",
                "call_received",
                "meeting_failed",
                "call_failed",
                "meeting_edited",
                "call_edited",
                "meeting_redacted",
                "call_redacted",
                "meeting_erased",
                "call_erased",
                "seat_added",
                "seat_deleted",
                "seat_assigned",
                "seat_freed",
                "membership_created",
                "membership_changed",
                "membership_ended",
                "invitation_created",
                "invitation_accepted",
                "invitation_revoked",
                "invitation_expired",
                "device_enrolled",
                "device_blocked",
                "device_unblocked",
                "device_conflicted",
                "device_state_changed",
                "key_created",
                "key_rotated",
                "key_deleted",
            ]
        ],
        description: str | None = None,
    ) -> WebhookSecret:
        """Have an address told of events; its secret is shown only now.

        Needs the scope `webhooks:write`.
        """
        return await self._sender.send(
            Request[WebhookSecret](
                api=Api.CALLFLOOR,
                method="POST",
                path="/api/v2/webhooks",
                answer=WebhookSecret,
                body={"url": url, "events": events, "description": given(description)},
            )
        )

    async def get(self, webhook_id: int) -> WebhookShown:
        """Show one webhook.

        Needs the scope `webhooks:read`.
        """
        return await self._sender.send(
            Request[WebhookShown](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/webhooks/{webhook_id}", webhook_id=webhook_id),
                answer=WebhookShown,
            )
        )

    async def change(
        self,
        webhook_id: int,
        *,
        url: str | Unset | None = UNSET,
        events: Sequence[
            Literal[
                "meeting_analyzed",
                "call_analyzed",
                "meeting_received",
                "call_received",
                "meeting_failed",
                "call_failed",
                "meeting_edited",
                "call_edited",
                "meeting_redacted",
                "call_redacted",
                "meeting_erased",
                "call_erased",
                "seat_added",
                "seat_deleted",
                "seat_assigned",
                "seat_freed",
                "membership_created",
                "membership_changed",
                "membership_ended",
                "invitation_created",
                "invitation_accepted",
                "invitation_revoked",
                "invitation_expired",
                "device_enrolled",
                "device_blocked",
                "device_unblocked",
                "device_conflicted",
                "device_state_changed",
                "key_created",
                "key_rotated",
                "key_deleted",
            ]
        ]
        | Unset
        | None = UNSET,
        description: str | Unset | None = UNSET,
        is_enabled: bool | Unset | None = UNSET,
    ) -> WebhookShown:
        """Change a webhook; enabling it again forgets its failures.

        Needs the scope `webhooks:write`.
        """
        return await self._sender.send(
            Request[WebhookShown](
                api=Api.CALLFLOOR,
                method="PATCH",
                path=path("/api/v2/webhooks/{webhook_id}", webhook_id=webhook_id),
                answer=WebhookShown,
                body={"url": url, "events": events, "description": description, "is_enabled": is_enabled},
            )
        )

    async def delete(self, webhook_id: int) -> None:
        """Delete a webhook: it is told nothing more.

        Needs the scope `webhooks:write`.
        """
        await self._sender.send(
            Request[None](
                api=Api.CALLFLOOR,
                method="DELETE",
                path=path("/api/v2/webhooks/{webhook_id}", webhook_id=webhook_id),
                answer=None,
            )
        )

    async def refresh_secret(self, webhook_id: int, *, overlap_hours: int | None = None) -> WebhookSecret:
        """Give a webhook a new secret; for a while the old one signs beside it.

        Needs the scope `webhooks:write`.
        """
        return await self._sender.send(
            Request[WebhookSecret](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/webhooks/{webhook_id}/secret", webhook_id=webhook_id),
                answer=WebhookSecret,
                body={"overlap_hours": given(overlap_hours)},
            )
        )

    async def test(self, webhook_id: int) -> DeliveryAdded:
        """Send the event `test`, signed and written down like any other.

        Needs the scope `webhooks:write`.
        """
        return await self._sender.send(
            Request[DeliveryAdded](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/webhooks/{webhook_id}/test", webhook_id=webhook_id),
                answer=DeliveryAdded,
            )
        )

    def list_deliveries(
        self,
        webhook_id: int,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AsyncPages[DeliveryPage, DeliveryShown]:
        """List what was, or is to be, delivered to a webhook, newest first.

        Needs the scope `webhooks:read`.

        Args:
            state: Only in this state.
            cursor: The `next_cursor` of the answer before.
            limit: How many rows at most.
        """
        return AsyncPages(
            self._sender,
            Request[DeliveryPage](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/webhooks/{webhook_id}/deliveries", webhook_id=webhook_id),
                answer=DeliveryPage,
                query={"state": state, "cursor": cursor, "limit": limit},
            ),
            by_cursor,
            "data",
        )

    async def redeliver_many(
        self,
        webhook_id: int,
        *,
        since: datetime.datetime,
        state: Literal["delivered", "failed", "canceled"] | None = None,
    ) -> Redelivered:
        """Have deliveries of a webhook tried anew: the same ids, the same bytes.

        Needs the scope `webhooks:write`.
        """
        return await self._sender.send(
            Request[Redelivered](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/webhooks/{webhook_id}/redeliveries", webhook_id=webhook_id),
                answer=Redelivered,
                body={"since": since, "state": given(state)},
            )
        )

    async def show_delivery(self, delivery_id: str) -> DeliveryDetails:
        """Show a delivery, what is sent, and each attempt.

        Needs the scope `webhooks:read`.
        """
        return await self._sender.send(
            Request[DeliveryDetails](
                api=Api.CALLFLOOR,
                method="GET",
                path=path("/api/v2/webhook-deliveries/{delivery_id}", delivery_id=delivery_id),
                answer=DeliveryDetails,
            )
        )

    async def redeliver(self, delivery_id: str) -> DeliveryAdded:
        """Have a delivery that has ended tried anew: the same id, the same bytes.

        Needs the scope `webhooks:write`.
        """
        return await self._sender.send(
            Request[DeliveryAdded](
                api=Api.CALLFLOOR,
                method="POST",
                path=path("/api/v2/webhook-deliveries/{delivery_id}/redelivery", delivery_id=delivery_id),
                answer=DeliveryAdded,
            )
        )

    def list_events(self) -> AsyncPages[EventCatalog, EventShown]:
        """List every event that a webhook can be told of.

        Needs the scope `webhooks:read`.
        """
        return AsyncPages(
            self._sender,
            Request[EventCatalog](api=Api.CALLFLOOR, method="GET", path="/api/v2/webhook-events", answer=EventCatalog),
            whole,
            "data",
        )

    def list(self) -> AsyncPages[WebhookList, WebhookShown]:
        """List the team's webhooks.

        Needs the scope `webhooks:read`.
        """
        return AsyncPages(
            self._sender,
            Request[WebhookList](api=Api.CALLFLOOR, method="GET", path="/api/v2/webhooks", answer=WebhookList),
            whole,
            "data",
        )


class AsyncResources:
    """All of them, as attributes."""

    def __init__(self, sender: AsyncSender) -> None:
        self.audit = AsyncAuditMethods(sender)
        self.billing = AsyncBillingMethods(sender)
        self.calls = AsyncCallsMethods(sender)
        self.changes = AsyncChangesMethods(sender)
        self.devices = AsyncDevicesMethods(sender)
        self.erasures = AsyncErasuresMethods(sender)
        self.holds = AsyncHoldsMethods(sender)
        self.imports = AsyncImportsMethods(sender)
        self.invitations = AsyncInvitationsMethods(sender)
        self.keys = AsyncKeysMethods(sender)
        self.live = AsyncLiveMethods(sender)
        self.meetings = AsyncMeetingsMethods(sender)
        self.people = AsyncPeopleMethods(sender)
        self.retention = AsyncRetentionMethods(sender)
        self.search = AsyncSearchMethods(sender)
        self.seat_reclaim = AsyncSeatReclaimMethods(sender)
        self.seats = AsyncSeatsMethods(sender)
        self.team = AsyncTeamMethods(sender)
        self.uploads = AsyncUploadsMethods(sender)
        self.usage = AsyncUsageMethods(sender)
        self.webhooks = AsyncWebhooksMethods(sender)
