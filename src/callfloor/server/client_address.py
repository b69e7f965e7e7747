"""Who asks, and by which scheme: what a trusted proxy says counts, what anybody else says does not."""

from __future__ import annotations

import functools
import ipaddress

from callfloor.foundation.settings import IpNetwork
from callfloor.server.asgi import Scope

_UNKNOWN = ("", 0)


class ClientAddress:
    """Replaces `client` and `scheme` of a scope by those behind the trusted proxies."""

    def __init__(self, trusted: tuple[IpNetwork, ...]) -> None:
        self._trusted = trusted
        self.is_trusted = functools.lru_cache(maxsize=4096)(self._is_trusted)

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        found = getattr(found, "ipv4_mapped", None) or found
        return any(found in network for network in self._trusted)

    def resolve(self, scope: Scope) -> None:
        """Write the client and the scheme into the scope."""
        peer, port = scope.get("client") or _UNKNOWN
        if not self._trusted or not self.is_trusted(peer):
            return
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        told = self._rightmost_untrusted(b",".join(forwarded).decode("latin-1").split(","))
        scope["client"] = (peer, port) if told is None else (told, 0)
        schemes = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
        scheme = schemes[-1].decode("latin-1").strip().lower() if schemes else ""
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme

    def _rightmost_untrusted(self, chain: list[str]) -> str | None:
        """Return the last address of the chain that no trusted proxy has; each proxy appends who asked it."""
        last: str | None = None
        for part in reversed(chain):
            address = _address_in(part)
            if address is None:
                break
            last = address
            if not self.is_trusted(address):
                break
        return last


def _address_in(part: str) -> str | None:
    """Return the address of one element: bare, with a port, or an IPv6 address in brackets."""
    text = part.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)


@functools.lru_cache(maxsize=4096)
def is_loopback(address: str) -> bool:
    """Return whether the address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
