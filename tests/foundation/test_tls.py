"""The local authority and its certificates, judged by real handshakes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from callfloor.foundation.clock import DAY, now
from callfloor.foundation.local_authority import ends_at, own_certificate
from callfloor.foundation.tls import Certificate, CertificateRefused, context_of, load_into

NOW = now()


def named_in_handshake(server: ssl.SSLContext, authority: Path, name: str) -> bytes:
    """Shake hands as a client that trusts this authority alone; return the certificate shown for the name."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        with contextlib.suppress(OSError), server.wrap_socket(theirs, server_side=True) as end:
            end.recv(1)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        client = ssl.create_default_context(cafile=authority)
        with client.wrap_socket(ours, server_hostname=name) as end:
            return end.getpeercert(binary_form=True) or b""
    finally:
        ours.close()
        thread.join()


class TestOwnCertificate:
    @pytest.mark.parametrize("name", ["127.0.0.1", "::1", "localhost", "10.1.2.3", "calls.test"])
    def test_is_trusted_under_each_of_its_names(self, tmp_path: Path, name: str) -> None:
        certificate = own_certificate(tmp_path, ["10.1.2.3", "calls.test", "0.0.0.0"], now=NOW)

        assert named_in_handshake(context_of(certificate), tmp_path / "ca.pem", name)

    def test_is_not_trusted_under_another_name(self, tmp_path: Path) -> None:
        certificate = own_certificate(tmp_path, [], now=NOW)

        with pytest.raises(ssl.SSLCertVerificationError):
            named_in_handshake(context_of(certificate), tmp_path / "ca.pem", "other.test")

    def test_is_not_trusted_by_another_authority(self, tmp_path: Path) -> None:
        certificate = own_certificate(tmp_path / "a", [], now=NOW)
        own_certificate(tmp_path / "b", [], now=NOW)

        with pytest.raises(ssl.SSLCertVerificationError):
            named_in_handshake(context_of(certificate), tmp_path / "b" / "ca.pem", "localhost")

    def test_keys_are_readable_by_their_owner_alone(self, tmp_path: Path) -> None:
        own_certificate(tmp_path, [], now=NOW)

        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

        assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "server.pem": 0o600}

    def test_stays_the_same_on_the_next_start(self, tmp_path: Path) -> None:
        own_certificate(tmp_path, ["a.test", "b.test"], now=NOW)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

        own_certificate(tmp_path, ["a.test"], now=NOW + DAY)

        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_is_made_again_for_a_new_name_by_the_same_authority(self, tmp_path: Path) -> None:
        own_certificate(tmp_path, [], now=NOW)
        authority = (tmp_path / "ca.pem").read_bytes()

        certificate = own_certificate(tmp_path, ["new.test"], now=NOW)

        assert (tmp_path / "ca.pem").read_bytes() == authority
        assert named_in_handshake(context_of(certificate), tmp_path / "ca.pem", "new.test")

    def test_is_renewed_a_month_before_its_end(self, tmp_path: Path) -> None:
        own_certificate(tmp_path, [], now=NOW)
        first_end = ends_at(tmp_path / "server.pem")

        own_certificate(tmp_path, [], now=first_end - 31 * DAY)
        kept = ends_at(tmp_path / "server.pem")
        own_certificate(tmp_path, [], now=first_end - 29 * DAY)
        renewed = ends_at(tmp_path / "server.pem")

        assert kept == first_end
        assert renewed > first_end + 300 * DAY

    def test_lasts_no_longer_than_browsers_take(self, tmp_path: Path) -> None:
        own_certificate(tmp_path, [], now=NOW)

        assert NOW < ends_at(tmp_path / "server.pem") <= NOW + 398 * DAY

    def test_authority_is_made_anew_at_its_end(self, tmp_path: Path) -> None:
        own_certificate(tmp_path, [], now=NOW - 3640 * DAY)

        certificate = own_certificate(tmp_path, [], now=NOW)

        assert named_in_handshake(context_of(certificate), tmp_path / "ca.pem", "localhost")

    def test_replaces_a_certificate_that_cannot_be_read(self, tmp_path: Path) -> None:
        own_certificate(tmp_path, [], now=NOW)
        (tmp_path / "server.pem").write_bytes(b"half a certi")

        certificate = own_certificate(tmp_path, [], now=NOW)

        assert named_in_handshake(context_of(certificate), tmp_path / "ca.pem", "localhost")

    def test_refuses_an_authority_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_bytes(b"nothing")

        with pytest.raises(CertificateRefused, match=r"ca\.pem is not a certificate in PEM form"):
            own_certificate(tmp_path, [], now=NOW)


class TestContext:
    def test_shows_new_connections_what_was_loaded_last(self, tmp_path: Path) -> None:
        context = context_of(own_certificate(tmp_path, [], now=NOW))
        first = named_in_handshake(context, tmp_path / "ca.pem", "localhost")

        load_into(context, own_certificate(tmp_path, ["new.test"], now=NOW))

        assert named_in_handshake(context, tmp_path / "ca.pem", "new.test") != first

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(CertificateRefused, match="cannot be read: No such file"):
            context_of(Certificate(tmp_path / "a.pem", tmp_path / "b.pem", None))

    def test_refuses_a_key_of_another_certificate(self, tmp_path: Path) -> None:
        one = own_certificate(tmp_path / "one", [], now=NOW)
        two = own_certificate(tmp_path / "two", [], now=NOW)

        with pytest.raises(CertificateRefused, match="are not a certificate and its key"):
            context_of(Certificate(one.chain, two.key, None))

    def test_speaks_nothing_older_than_tls_1_2(self, tmp_path: Path) -> None:
        context = context_of(own_certificate(tmp_path, [], now=NOW))

        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
