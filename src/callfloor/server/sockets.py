"""The sockets a server listens on."""

from __future__ import annotations

import errno
import ipaddress
import socket

from callfloor.server.client_address import is_loopback

_BACKLOG = 2048


class AddressRefused(Exception):
    """The address cannot be listened on."""


def listening(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of the host; port 0 takes a free one, the same for all.

    A client that connects before the server answers waits.

    Raises:
        AddressRefused: unknown host, port in use or not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"--host {host} is not a host name or address of this machine.") from error
    sockets: list[socket.socket] = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            sockets.append(_listening(family, kind, protocol, (address[0], port, *address[2:])))
        except OSError as error:
            if error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL} and len(found) > 1:
                continue
            close(sockets)
            raise AddressRefused(_sentence(host, port, error)) from error
        port = port or sockets[0].getsockname()[1]
    if not sockets:
        raise AddressRefused(f"--host {host} has no address on this machine.")
    return sockets


def close(sockets: list[socket.socket]) -> None:
    """Give the ports back."""
    for sock in sockets:
        sock.close()


def are_loopback(sockets: list[socket.socket]) -> bool:
    """Return whether only this machine can connect."""
    return all(is_loopback(sock.getsockname()[0]) for sock in sockets)


def url_of(sockets: list[socket.socket], host: str, *, scheme: str) -> str:
    """Return the address to write into a client: of a wildcard, this machine's name."""
    port = sockets[0].getsockname()[1]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{scheme}://{host}:{port}"
    if address.is_unspecified:
        return f"{scheme}://{socket.gethostname()}:{port}"
    return f"{scheme}://[{host}]:{port}" if address.version == 6 else f"{scheme}://{host}:{port}"


def _listening(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program. Stop that one, or choose another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} may not be used by this user. Choose one above 1023 with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is not an address of this machine."
    return f"Port {port} on {host} cannot be listened on: {error.strerror}."
