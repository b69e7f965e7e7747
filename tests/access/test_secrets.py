"""Passwords: argon2id, of a length that is none too short and none that costs."""

from __future__ import annotations

import hmac

import pytest

from callfloor.access.secrets import hash_password, is_password, keyed_hash
from callfloor.foundation.errors import InvalidInput


@pytest.mark.parametrize("password", ["twelve chars", "ä" * 12, " " * 12, "x" * 1024, "pass\x00word twelve"])
def test_a_password_is_hashed_and_known_again(password: str) -> None:
    kept = hash_password(password)

    assert kept.startswith("$argon2id$v=19$")
    assert password not in kept
    assert is_password(password, kept)
    assert not is_password(password + "x", kept)
    assert not is_password(password[:-1], kept)
    assert not is_password(password.upper() + ".", kept)


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 1025])
def test_a_password_of_another_length_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        hash_password(password)

    assert password == "" or password not in str(refused.value)


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password("the same password") != hash_password("the same password")


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$", "$2b$12$" + "a" * 53, "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"])
def test_what_is_no_hash_knows_no_password(kept: str) -> None:
    assert not is_password("any password at all", kept)


@pytest.mark.parametrize("key", [b"", b"short", b"k" * 64, b"longer than a block of the hash " * 3])
@pytest.mark.parametrize("secret", ["", "a token", "ä" * 500])
def test_a_keyed_hash_is_an_hmac_of_sha_256(key: bytes, secret: str) -> None:
    assert keyed_hash(secret, key=key) == keyed_hash(secret, key=key) == hmac.digest(key, secret.encode(), "sha256")
