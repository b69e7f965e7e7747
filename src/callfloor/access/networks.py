"""The networks a key may be used from."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Sequence

from callfloor.foundation.errors import invalid

MAX_NETWORKS = 50

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def checked_networks(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the networks in their usual form, each once; None, which is from everywhere, for none.

    Raises:
        InvalidInput: one is no address and no network, or has host bits set, or there are more than 50.
    """
    networks = tuple(dict.fromkeys(str(_network(text)) for text in given or ()))
    if len(networks) > MAX_NETWORKS:
        raise invalid("networks", f"must be at most {MAX_NETWORKS}")
    return networks or None


def is_within(address: str, networks: Sequence[str]) -> bool:
    """Return whether the address is in one of the networks; what is no address is in none."""
    return _is_within(address, tuple(networks))


@functools.lru_cache(maxsize=4096)
def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in _network(network) for network in networks)


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError:
        raise invalid("networks", f"must be addresses or networks such as 192.0.2.0/24; {text!r} is none") from None
