"""The settings of the limits: one for each API, and where they are counted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr

from callfloor.foundation.subject import Subject, setting


def _valkey_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("valkey://", "valkeys://", "unix://")):
        raise ValueError("not a Valkey")
    return value


class Window(Subject):
    """A limit of requests by client."""

    requests: int
    window_seconds: int = setting(60, "Length of its window.", "whole seconds, at least 1", ge=1)
    block_seconds: int = setting(
        60, "How long every request is refused once the limit is passed.", "whole seconds, at least 1", ge=1
    )


class RateLimit(Window):
    """The Portal API's limit, counted per client address, and where the requests of all APIs are counted."""

    requests: int = setting(
        700, "Requests one address may make to the Portal API in a window.", "a whole number of at least 1", ge=1
    )
    block_seconds: int = setting(
        3600, "How long every request of an address is refused once it went over.", "whole seconds, at least 1", ge=1
    )
    store: Literal["memory", "database", "valkey"] = setting(
        "memory",
        "Where the requests of all APIs are counted: in the memory of the one server process, or in what several of "
        "them share.",
        "memory, database or valkey",
    )
    url: Annotated[SecretStr, AfterValidator(_valkey_url)] | None = setting(
        None,
        "The Valkey of the store `valkey`: `valkey://host:6379/0`, or `valkeys://user:password@host:6379/0` for TLS.",
        "an address that begins with valkey://, valkeys:// or unix://",
    )


class ConversationsLimit(Window):
    """The Conversations API's limit, counted per key: a sync of a year's calls by pages of 100 stays far below."""

    requests: int = setting(
        6000, "Requests one key may make to the Conversations API in a window.", "a whole number of at least 1", ge=1
    )


class ApiLimit(Window):
    """The Callfloor API's limit, counted per key or per person."""

    requests: int = setting(
        6000,
        "Requests one key or one person may make to the Callfloor API in a window.",
        "a whole number of at least 1",
        ge=1,
    )


class AgentLimit(Window):
    """The agent API's limit, counted per agent: log-in, log-out, renewal of a token."""

    requests: int = setting(
        120, "Requests one agent may make to the agent API in a window.", "a whole number of at least 1", ge=1
    )


class EventsLimit(Window):
    """The limit of what devices report: one that was away for a month sends what it kept in some dozen requests."""

    requests: int = setting(
        1200, "Requests with events one agent may make in a window.", "a whole number of at least 1", ge=1
    )
    block_seconds: int = setting(
        15, "How long every request is refused once the limit is passed.", "whole seconds, at least 1", ge=1
    )
