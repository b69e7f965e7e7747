"""What things are called in Python: a rule, and the names it does not find by itself."""

from __future__ import annotations

import keyword
import re

GROUPS = {"Agents of people": "people", "Seat reclaim": "seat_reclaim"}
BY_PATH = frozenset({"Conversations", "Stewardship", "Uploads", ""})
"""Tags of several things: each is a group of its own, by its path."""
SINGULARS = {"people": "person", "audit": "audit_entry", "search": "search", "usage": "usage", "live": "live"}
METHODS = {
    "invite_person": "invite",
    "invite_people": "invite_many",
    "resend_invitations": "resend_all",
    "live_snapshot": "snapshot",
    "live_history": "history",
    "list_device_states": "states",
    "list_audit_entries": "list",
    "export_audit_entries": "export",
    "show_usage": "show",
    "list_erased_conversations": "list_conversations",
    "upload_call": "upload",
    "upload_meeting": "upload",
    "list_usage_rows": "rows",
    "export_usage": "export",
    "search_conversations": "conversations",
    "sign_out_device": "sign_out",
    "run_reclaim": "run",
    "undo_reclaim": "undo",
    "list_reclaimed_seats": "list_reclaimed",
    "change_devices": "change_many",
    "get_call": "call",
    "get_meeting": "meeting",
    "list_calls": "list",
    "list_meetings": "list",
}
ARGUMENTS = {
    ("delete_seat", "id"): "seat_id",
    ("unassign_seat", "id"): "seat_id",
    ("block_seat", "id"): "seat_id",
    ("unblock_device", "id"): "block_id",
    ("list_device_states", "id"): "device_id",
    ("get_call", "id"): "call_id",
    ("get_meeting", "id"): "meeting_id",
}
BY_HAND = frozenset({"live_stream", "create_upload", "continue_upload", "ask_upload"})
"""Operations that are no question with one answer: methods written by hand stand for them."""


def snake(name: str) -> str:
    """Return a wire name as an argument or a field."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def camel(name: str) -> str:
    """Return a name as a class."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\-\s]", name))


def group_of(tag: str, path: str) -> str:
    """Return the attribute of the client that an operation of the Callfloor API hangs on."""
    if tag in BY_PATH:
        return path.split("/")[3].replace("-", "_")
    return GROUPS.get(tag, tag.lower().replace(" ", "_"))


def singular_of(group: str) -> str:
    """Return what one of the group is called."""
    if group in SINGULARS:
        return SINGULARS[group]
    return group.removesuffix("ies") + "y" if group.endswith("ies") else group.removesuffix("s")


def method_of(operation_id: str, group: str, ids: frozenset[str]) -> str:
    """Return the method's name within its group.

    Args:
        operation_id: such as `delete_seats`.
        group: such as `seats`.
        ids: of all operations of the group.
    """
    if operation_id in METHODS:
        return METHODS[operation_id]
    one = singular_of(group)
    if operation_id in {f"show_{one}", f"read_{one}", f"get_{one}", f"{one}_by_id"}:
        return "get"
    verb, _, rest = operation_id.partition("_")
    if rest == one:
        return verb
    if rest == group:
        return f"{verb}_many" if f"{verb}_{one}" in ids else verb
    short = {group, one, group.removeprefix("seat_")}
    for noun in sorted(short, key=len, reverse=True):
        if rest.startswith(f"{noun}_"):
            return f"{verb}_{rest.removeprefix(f'{noun}_')}"
    return operation_id


def argument_of(operation_id: str, name: str) -> str:
    """Return the argument's name of a parameter."""
    return ARGUMENTS.get((operation_id, name), snake(name))
