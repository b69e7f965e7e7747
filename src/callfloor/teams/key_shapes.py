"""The keys of `/api/v2/keys` as clients see them, and what clients send of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from callfloor.access.key_views import KeyView
from callfloor.access.keys import CONVERSATIONS_KEY_LIFE, LONGEST_LIFE, NAME_MAX_LENGTH
from callfloor.access.networks import MAX_NETWORKS
from callfloor.access.rotation import LONGEST_OVERLAP, OVERLAP
from callfloor.access.scopes import Scope
from callfloor.access.tables import KeyKind
from callfloor.foundation.clock import DAY, Millis, iso, iso_or_none
from callfloor.foundation.fields import name_field
from callfloor.foundation.web import Shape, entity_tag

_YEAR_DAYS = CONVERSATIONS_KEY_LIFE // DAY

Name = Annotated[str, name_field(NAME_MAX_LENGTH, without=":")]
Days = Annotated[int, Field(ge=1, le=LONGEST_LIFE // DAY)]
Networks = Annotated[list[str], Field(max_length=MAX_NETWORKS, examples=[["192.0.2.0/24"]])]


class KeySecret(Shape):
    """What is known of a secret: its first characters, and when it ends if another has taken its place."""

    prefix: str
    created_at: str
    ends_at: str | None


class Key(Shape):
    """A key; `last_used_at` is at most a minute behind, and not part of its ETag."""

    id: int
    kind: KeyKind
    name: str
    scopes: list[str] | None = Field(description="Of a key of the Callfloor API.")
    networks: list[str] | None = Field(description="From where it may be used; null is from everywhere.")
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    secrets: list[KeySecret] = Field(description="Newest first; two during a rotation.")


class KeyWithSecret(Shape):
    """A key with its new secret, which is never shown again; a Conversations key is used with the team's client id."""

    key: Key
    secret: str
    client_id: str | None


class Keys(Shape):
    """A page of keys, by id."""

    data: list[Key]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class KeyCreation(Shape):
    """A key to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "anyOf": [
                        {"properties": {"kind": {"const": KeyKind.API.value}}},
                        {"properties": {"scopes": {"type": "null"}}},
                    ]
                },
                {
                    "anyOf": [
                        {"properties": {"kind": {"enum": [KeyKind.PORTAL.value, KeyKind.API.value]}}},
                        {"properties": {"expires_in_days": {"type": ["integer", "null"], "maximum": _YEAR_DAYS}}},
                    ]
                },
            ]
        }
    )

    kind: KeyKind = Field(strict=False)
    name: Name
    scopes: list[Annotated[Scope, Field(strict=False)]] | None = Field(
        default=None, min_length=1, description="Of a key of the Callfloor API; left out, all that the caller has."
    )
    networks: Networks | None = None
    expires_in_days: Days | None = Field(
        default=None,
        description=f"Left out, never; a Conversations key lives {_YEAR_DAYS} days, or fewer when so asked.",
    )


class KeyChange(Shape):
    """What to change; what is left out stays."""

    name: Name | None = None
    networks: Networks | None = Field(default=None, description="Null or empty: from everywhere.")
    expires_in_days: Days | None = Field(
        default=None, description="Days from now; null is never. A Conversations key has its year, until it is rotated."
    )


class KeyRotation(Shape):
    """How long the old secret goes on working."""

    keep_days: int = Field(default=OVERLAP // DAY, ge=0, le=LONGEST_OVERLAP // DAY)


def tag_of(key: Key) -> str:
    """Return the entity tag of the key."""
    return entity_tag(tagged_part(key))


def tagged_part(key: Key) -> dict[str, Any]:
    """Return what a change is held against: a use moves nothing of it."""
    return key.model_dump(mode="json", exclude={"last_used_at"})


def key_shown(key: KeyView, *, now: Millis) -> Key:
    """Return the key as clients see it; secrets that have ended are left out."""
    return Key(
        id=key.id,
        kind=key.kind,
        name=key.name,
        scopes=None if key.scopes is None else list(key.scopes),
        networks=None if key.networks is None else list(key.networks),
        created_at=iso(key.created_at),
        expires_at=iso_or_none(key.expires_at),
        last_used_at=iso_or_none(key.last_used_at),
        secrets=[
            KeySecret(prefix=one.prefix, created_at=iso(one.created_at), ends_at=iso_or_none(one.ends_at))
            for one in key.secrets
            if one.ends_at is None or one.ends_at > now
        ],
    )
