"""What a caller may do, as scopes: a key is given some, a role stands for some."""

from __future__ import annotations

import enum

from callfloor.access.tables import Role


class Scope(enum.StrEnum):
    """A right to one kind of thing; writing does not include reading."""

    TEAM_READ = "team:read"
    TEAM_WRITE = "team:write"
    SEATS_READ = "seats:read"
    SEATS_WRITE = "seats:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    BILLING_READ = "billing:read"
    AUDIT_READ = "audit:read"
    LIVE_READ = "live:read"
    USAGE_READ = "usage:read"
    USAGE_WRITE = "usage:write"
    CONVERSATIONS_READ = "conversations:read"
    CONVERSATIONS_WRITE = "conversations:write"
    CONVERSATIONS_ERASE = "conversations:erase"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"


_ALL = frozenset(Scope)
_CONVERSATIONS = frozenset({Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_WRITE, Scope.CONVERSATIONS_ERASE})
_READS = frozenset(scope for scope in Scope if scope.value.endswith(":read"))

SCOPES_OF_ROLE = {
    Role.ADMIN: _ALL,
    Role.CONFIGURATOR: _ALL - _CONVERSATIONS,
    Role.ANALYTICS: _READS - {Scope.KEYS_READ, Scope.AUDIT_READ, Scope.BILLING_READ},
    Role.USER: frozenset({Scope.CONVERSATIONS_READ, Scope.CONVERSATIONS_WRITE}),
}
"""An administrator may everything; a configurator all of these, but no conversation; a user meets only their own."""
