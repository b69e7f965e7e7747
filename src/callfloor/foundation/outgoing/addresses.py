"""Which addresses may be asked: HTTPS, and none of this machine or of private networks unless a setting allows it."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
import urllib.parse
from pathlib import Path

from callfloor.foundation.errors import DomainError
from callfloor.foundation.settings import IpNetwork, Settings

MAX_URL_LENGTH = 2048
_LONGEST_LABEL = 63
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PORTS = {"https": 443, "http": 80}
_LABEL = r'[!"$-\-0-9;->A-Z^-~]{1,63}'
_HOST = rf"({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])"
ADDRESS_PATTERN = rf"^https://{_HOST}(:[0-9]{{1,5}})?([/?#][!-~]*)?$"
"""What the documents say of an address that may be asked; where it leads is looked up."""

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(DomainError):
    """The address is not one that this server asks."""

    code = "address_refused"
    status = 422


@dataclasses.dataclass(frozen=True, slots=True)
class OutgoingRules:
    """What the settings allow beyond public HTTPS addresses."""

    allowed_networks: tuple[IpNetwork, ...] = ()
    plain_http: bool = False
    ca: Path | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A checked address: what is connected to is decided from `host` when it is."""

    is_tls: bool
    host: str
    port: int
    path: str
    """With the query."""

    @property
    def authority(self) -> str:
        """The Host header: without a port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.is_tls else "http"] else f"{host}:{self.port}"


def rules_of(settings: Settings) -> OutgoingRules:
    """Return the rules of the settings."""
    outgoing = settings.outgoing
    return OutgoingRules(outgoing.allowed_networks, outgoing.plain_http, outgoing.ca)


def check_address(url: str, rules: OutgoingRules, *, resolve: bool = True) -> Target:
    """Check an address that a user names, when it is saved and each time it is asked.

    Args:
        url: absolute, of at most 2,048 characters.
        rules: what is allowed.
        resolve: look the name up, and check what it stands for now; a name that is not known yet passes.

    Raises:
        AddressRefused: it is malformed, not HTTPS, holds a user name, or leads into a private network.
    """
    target = _parsed(url, rules)
    literal = _literal(target.host)
    if literal is not None:
        _check(literal, rules)
    elif target.host == "localhost" or target.host.endswith(".localhost"):
        _check(ipaddress.ip_address("127.0.0.1"), rules)
    elif resolve:
        try:
            addresses_of(target, rules)
        except OSError:
            return target
    return target


def addresses_of(target: Target, rules: OutgoingRules) -> list[IpAddress]:
    """Return what the target's name stands for now, all of it checked.

    Raises:
        AddressRefused: one of its addresses may not be asked.
        OSError: the name is not known.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        _check(address, rules)
    return addresses


def _parsed(url: str, rules: OutgoingRules) -> Target:
    if len(url) > MAX_URL_LENGTH or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise AddressRefused(f"must be an address of at most {MAX_URL_LENGTH} ASCII characters, without spaces")
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("must be an address such as https://host/path") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise AddressRefused("must be an address such as https://host/path")
    if parts.scheme == "http" and not rules.plain_http:
        raise AddressRefused("must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("must hold no user name and no password")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname.rstrip(".")
    if not all(0 < len(label) <= _LONGEST_LABEL for label in host.split(".")):  # to look it up would be an error
        raise AddressRefused("must be an address such as https://host/path")
    return Target(parts.scheme == "https", host, port or _PORTS[parts.scheme], path)


def _literal(host: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001 and 2130706433 are names of addresses too.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _check(address: IpAddress, rules: OutgoingRules) -> None:
    inner = _embedded(address)
    if any(one in network for one in (address, inner) for network in rules.allowed_networks):
        return
    if not (address.is_global and inner.is_global) or inner.is_multicast or inner.is_unspecified or inner.is_reserved:
        raise AddressRefused(
            f"leads to {address}, which is not public; networks of your own are allowed by "
            "CALLFLOOR_OUTGOING_ALLOWED_NETWORKS"
        )


def _embedded(address: IpAddress) -> IpAddress:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
