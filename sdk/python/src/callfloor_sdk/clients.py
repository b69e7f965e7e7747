"""The two clients: one waits, one is awaited; what they offer is the same."""

from __future__ import annotations

import importlib.metadata
import os
import ssl
from types import TracebackType
from typing import Any, Self

import httpx2

from callfloor_sdk.changes import AsyncChangeFeed, ChangeFeed
from callfloor_sdk.downloads import AsyncDownload, Download
from callfloor_sdk.generated.async_callfloor import AsyncResources
from callfloor_sdk.generated.async_conversations import AsyncConversations
from callfloor_sdk.generated.async_portal import AsyncPortal
from callfloor_sdk.generated.callfloor import Resources
from callfloor_sdk.generated.conversations import Conversations
from callfloor_sdk.generated.portal import Portal
from callfloor_sdk.live import AsyncLiveState, LiveState
from callfloor_sdk.requests import Api, Request
from callfloor_sdk.retrying import Retries
from callfloor_sdk.sending import AsyncSender, Credentials, Sender
from callfloor_sdk.tus import AsyncUploads, Uploads

TIMEOUT_SECONDS = 60.0
"""For an answer; longer than the server lets anybody wait for a change."""
VERSION = importlib.metadata.version("callfloor-sdk")


class Callfloor(Resources):
    """A client that waits for each answer. It may be shared by threads; close it, or use it by `with`.

    Args:
        url: of the server, such as `https://callfloor.example:8443`.
        token: a key of the Callfloor API: opens everything but the two below.
        portal_key: a key's name and its secret: opens `portal`.
        conversations_key: a key and the client id: opens `conversations`.
        ca_file: the authority to trust, `tls/ca.pem` of the server's data folder; left out, the system's.
        timeout: seconds for an answer.
        retries: how often and how patiently what failed is tried again.
        options: further ones of `httpx2.Client`, such as `proxy`.
    """

    live: LiveState
    changes: ChangeFeed
    uploads: Uploads

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        portal_key: tuple[str, str] | None = None,
        conversations_key: tuple[str, str] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        **options: Any,
    ) -> None:
        credentials = Credentials(token, portal_key, conversations_key)
        http = httpx2.Client(**_options(url, ca_file, timeout, options))
        self._sender = Sender(http, credentials, retries or Retries())
        super().__init__(self._sender)
        self.portal = Portal(self._sender)
        self.conversations = Conversations(self._sender)
        self.live = LiveState(self._sender)
        self.changes = ChangeFeed(self._sender)
        self.uploads = Uploads(self._sender)

    def recording(self, address: str) -> Download:
        """Return what an answer's `recording_url` or `recording_ref` leads to."""
        return Download(self._sender, _recording(address))

    def close(self) -> None:
        """Close its connections."""
        self._sender.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncCallfloor(AsyncResources):
    """A client whose answers are awaited. It belongs to one loop; close it, or use it by `async with`.

    Args:
        url: of the server, such as `https://callfloor.example:8443`.
        token: a key of the Callfloor API: opens everything but the two below.
        portal_key: a key's name and its secret: opens `portal`.
        conversations_key: a key and the client id: opens `conversations`.
        ca_file: the authority to trust, `tls/ca.pem` of the server's data folder; left out, the system's.
        timeout: seconds for an answer.
        retries: how often and how patiently what failed is tried again.
        options: further ones of `httpx2.AsyncClient`, such as `proxy`.
    """

    live: AsyncLiveState
    changes: AsyncChangeFeed
    uploads: AsyncUploads

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        portal_key: tuple[str, str] | None = None,
        conversations_key: tuple[str, str] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        **options: Any,
    ) -> None:
        credentials = Credentials(token, portal_key, conversations_key)
        http = httpx2.AsyncClient(**_options(url, ca_file, timeout, options))
        self._sender = AsyncSender(http, credentials, retries or Retries())
        super().__init__(self._sender)
        self.portal = AsyncPortal(self._sender)
        self.conversations = AsyncConversations(self._sender)
        self.live = AsyncLiveState(self._sender)
        self.changes = AsyncChangeFeed(self._sender)
        self.uploads = AsyncUploads(self._sender)

    def recording(self, address: str) -> AsyncDownload:
        """Return what an answer's `recording_url` or `recording_ref` leads to."""
        return AsyncDownload(self._sender, _recording(address))

    async def close(self) -> None:
        """Close its connections."""
        await self._sender.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _options(url: str, ca_file: str | os.PathLike[str] | None, timeout: float, more: dict[str, Any]) -> dict[str, Any]:
    """Redirects are not followed: they would carry the key elsewhere, and Callfloor sends none."""
    headers = {"user-agent": f"callfloor-sdk/{VERSION}", "accept-encoding": "gzip"}
    options: dict[str, Any] = {"base_url": url, "timeout": timeout, "headers": headers, **more}
    if ca_file is not None:
        options["verify"] = ssl.create_default_context(cafile=os.fspath(ca_file))
    return options


def _recording(address: str) -> Request[Any]:
    """The address carries its own signature, and no key is shown to it: it may lead to another server."""
    return Request(api=Api.NONE, method="GET", path=address, answer=None)
