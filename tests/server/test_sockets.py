"""Where a server listens, and the sentences when it cannot."""

from __future__ import annotations

import re
import socket

import pytest

from callfloor.server import sockets
from callfloor.server.sockets import AddressRefused


class TestListening:
    def test_takes_a_free_port_and_lets_clients_connect(self) -> None:
        found = sockets.listening("127.0.0.1", 0)
        try:
            with socket.create_connection(found[0].getsockname()):
                assert found[0].getsockname()[1] > 0
        finally:
            sockets.close(found)

    def test_takes_the_same_port_on_every_address_of_the_host(self) -> None:
        found = sockets.listening("localhost", 0)
        try:
            assert len({sock.getsockname()[1] for sock in found}) == 1
            assert sockets.are_loopback(found)
        finally:
            sockets.close(found)

    def test_of_every_address_is_not_loopback(self) -> None:
        found = sockets.listening("0.0.0.0", 0)
        try:
            assert not sockets.are_loopback(found)
        finally:
            sockets.close(found)

    @pytest.mark.parametrize(
        ("host", "sentence"),
        [
            ("192.0.2.1", "--host 192.0.2.1 is not an address of this machine."),
            ("no such host", "--host no such host is not a host name or address of this machine."),
        ],
    )
    def test_refuses_a_host_that_is_not_here(self, host: str, sentence: str) -> None:
        with pytest.raises(AddressRefused, match=f"^{re.escape(sentence)}$"):
            sockets.listening(host, 0)

    def test_refuses_a_port_that_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(AddressRefused, match=f"^Port {port} on 127.0.0.1 is in use by another program"):
                sockets.listening("127.0.0.1", port)


class TestUrl:
    @pytest.mark.parametrize(
        ("host", "shown"),
        [
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", "localhost"),
            ("::1", "[::1]"),
            ("0.0.0.0", socket.gethostname()),
        ],
    )
    def test_is_one_that_a_client_can_use(self, host: str, shown: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]

            assert sockets.url_of([listening], host, scheme="https") == f"https://{shown}:{port}"
