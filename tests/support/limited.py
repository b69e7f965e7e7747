"""Servers that share a limit, and who asks them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from tests.contracts.portal_client import send
from tests.support.server import DEADLINE_SECONDS, Server, running_server

SEATS = "/api/v1/seats"
BEHIND = {"CALLFLOOR_TRUSTED_PROXIES": "127.0.0.1"}


@contextlib.contextmanager
def two_servers(data: Path, database_url: str | None, settings: dict[str, str]) -> Iterator[list[Server]]:
    """Run two servers behind one proxy, on one database."""
    options = ("--no-worker", "--behind-proxy")
    with (
        running_server(data, *options, database_url=database_url, settings={**BEHIND, **settings}) as one,
        running_server(data, *options, database_url=database_url, settings={**BEHIND, **settings}) as other,
    ):
        yield [one, other]


def asked(client: httpx.Client, address: str) -> str | None:
    """Ask as this address, through the proxy; return the error."""
    return send(client, "GET", SEATS, headers={"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}).error


def where(data: Path, database_url: str | None) -> list[str]:
    """Return the options that name a place."""
    return ["--data", str(data), *([] if database_url is None else ["--database", database_url])]


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; each look is a request of its own."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came to be"
