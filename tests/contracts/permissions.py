"""Who may call what: every route of the Callfloor API, with everybody who gets past its guard."""

from __future__ import annotations

EVERYBODY = (
    "nobody",
    "stranger",
    "user",
    "analytics",
    "configurator",
    "admin",
    "portal key",
    "conversations key",
    "api key",
    "api key without scopes",
    "device",
    "deleted key",
    "expired key",
)

_PEOPLE = ("stranger", "user", "analytics", "configurator", "admin")
_READERS = ("stranger", "analytics", "configurator", "admin", "api key")
_LISTENERS = ("stranger", "analytics", "admin", "api key")
"""Who may read conversations: a configurator may not."""
_WRITERS = ("stranger", "configurator", "admin", "api key")
"""The stranger is an administrator of another team: past every guard, and with nothing of this team in reach."""

CALLFLOOR_API = {
    "sign_in": EVERYBODY,
    "sign_out": _PEOPLE,
    "log_in_device": EVERYBODY,
    "log_out_device": ("device",),
    "read_acceptance": EVERYBODY,
    "accept_invitation": EVERYBODY,
    "list_statements": _WRITERS,
    "show_statement": _WRITERS,
    "list_charges": _WRITERS,
    "list_seats": _READERS,
    "show_seat": _READERS,
    "add_seats": _WRITERS,
    "delete_seat": _WRITERS,
    "delete_seats": _WRITERS,
    "assign_seats": _WRITERS,
    "release_seats": _WRITERS,
    "show_team": _READERS,
    "change_team": _WRITERS,
    "list_team_domains": _READERS,
    "add_team_domain": _WRITERS,
    "remove_team_domain": _WRITERS,
    "list_devices": _READERS,
    "device_by_id": _READERS,
    "nickname_device": _WRITERS,
    "block_device": _WRITERS,
    "unblock_device": _WRITERS,
    "unassign_device": _WRITERS,
    "settle_conflict": _WRITERS,
    "change_devices": _WRITERS,
    "rotate_device_secret": _WRITERS,
    "list_people": _READERS,
    "read_person": _READERS,
    "change_role": _WRITERS,
    "remove_person": _WRITERS,
    "remove_people": _WRITERS,
    "list_invitations": _READERS,
    "invite_person": _WRITERS,
    "invite_people": _WRITERS,
    "resend_invitations": _WRITERS,
    "read_invitation": _READERS,
    "resend_invitation": _WRITERS,
    "revoke_invitation": _WRITERS,
    "list_keys": _WRITERS,
    "create_key": _WRITERS,
    "show_key": _WRITERS,
    "change_key": _WRITERS,
    "rotate_key": _WRITERS,
    "end_key_rotation": _WRITERS,
    "delete_key": _WRITERS,
    "list_audit_entries": _WRITERS,
    "export_audit_entries": _WRITERS,
    "list_changes": _LISTENERS,
    "list_calls": _LISTENERS,
    "list_meetings": _LISTENERS,
    "search_conversations": _LISTENERS,
    "show_call": _LISTENERS,
    "show_meeting": _LISTENERS,
}
"""Who gets past the guard, by operation; everybody else is refused with 401 or 403."""
