"""Addresses in answers lead back to where was asked, whatever the public address is."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from callfloor.conversations_api import create_app
from callfloor.foundation.services import Services
from tests.conversations_api.conftest import Http, Loop, Member
from tests.factories.audio import make_wav


def asked_at(http: Http, host: str) -> httpx.Response:
    return http.send("GET", "/calls?pageSize=1", headers={"Host": host})


@pytest.mark.parametrize("host", ["10.0.0.5:8443", "call_floor", "Floor.Example:443", "[::1]:8443", "floor.example."])
def test_links_are_on_the_host_that_was_asked(http: Http, host: str) -> None:
    for _ in range(2):
        http.upload(make_wav())

    answer = asked_at(http, host)

    assert answer.status_code == 200, answer.text
    assert answer.json()["data"][0]["recordingRef"].startswith(f"https://{host}/recordings/")
    assert answer.headers["Link"].startswith(f"<https://{host}/calls?")


def test_the_public_address_is_for_those_who_did_not_ask(services: Services, loop: Loop, member: Member) -> None:
    public = services.settings.model_copy(update={"public_url": "https://people.example"})
    http = Http(loop, create_app(dataclasses.replace(services, settings=public)), member.key.headers)

    uploaded = http.upload(make_wav()).json()

    assert uploaded["recordingRef"].startswith("https://floor.example/recordings/")
    assert asked_at(http, "10.0.0.5").json()["data"][0]["recordingRef"].startswith("https://10.0.0.5/recordings/")


@pytest.mark.parametrize("host", ["", "a,b", "a b", "a/b", "a@b"])
def test_a_host_that_is_none_is_a_wrong_field(http: Http, host: str) -> None:
    answer = asked_at(http, host)

    assert answer.status_code == 400
    assert answer.json() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": ["Host: must name this server"],
    }
