"""`/authorize` in a real browser: a person signs in, sees the machine, and confirms or refuses it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.server import Server, environment, running_server

PASSWORD = "correct horse battery"
MACHINE = {
    "machine_id": "machine-1",
    "hostname": "WS-BERLIN-01",
    "username": "ada",
    "os": "windows",
    "os_version": "11",
    "app_version": "1.0.0",
}
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an email team, and Ada in it."""
    data = tmp_path_factory.mktemp("data")
    with running_server(data, "--no-worker") as one:
        team = command(data, "team", "create", "Front desk", "--type", "email", "--seats", "2")["team_id"]
        ada = ("user", "create", "ada@people.example", "--team", str(team), "--password-stdin")
        command(data, *ada, given=PASSWORD)
        yield one


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def page(server: Server) -> Iterator[Page]:
    """A page of Debian's Chromium; what its policy refuses fails the test."""
    refused: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        one = browser.new_page(ignore_https_errors=True)
        one.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
        one.on("pageerror", lambda error: refused.append(str(error)))
        yield one
        browser.close()
    assert refused == []


def command(data: Path, *arguments: str, given: str = "") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "callfloor.server.cli", *arguments, "--data", str(data), "--json"],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def begun(http: httpx.Client) -> dict[str, Any]:
    codes: dict[str, Any] = http.post("/api/v2/agent/authorize", json=MACHINE).json()
    return codes


def asked(http: httpx.Client, codes: dict[str, Any]) -> dict[str, Any]:
    body = {"grant_type": GRANT, "device_code": codes["device_code"]}
    answer: dict[str, Any] = http.post("/api/v2/agent/token", json=body).json()
    return answer


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill("ada@people.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/authorize", "text/html"), ("/authorize/page.js", "text/javascript"), ("/authorize/page.css", "text/css")],
)
def test_files_are_served(http: httpx.Client, path: str, media_type: str) -> None:
    answer = http.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/authorize/", "/authorize/page.html", "/authorize/x", "/authorize/page.js/x"])
def test_nothing_else_is_served(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


def test_a_person_confirms_the_machine_of_the_link(http: httpx.Client, page: Page, server: Server) -> None:
    codes = begun(http)

    page.goto(f"{server.url}/authorize?code={codes['user_code']}")
    sign_in(page)
    expect(page.get_by_role("heading", name="Is this your machine?")).to_be_visible()
    expect(page.locator("#machine")).to_contain_text("WS-BERLIN-01")
    expect(page.locator("#machine")).to_contain_text(codes["user_code"])
    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_role("heading", name="WS-BERLIN-01 is confirmed")).to_be_visible()
    assert "token" in asked(http, codes)


def test_a_person_who_is_signed_in_types_the_code_and_refuses(http: httpx.Client, page: Page, server: Server) -> None:
    codes = begun(http)

    page.goto(f"{server.url}/authorize")
    sign_in(page)
    page.get_by_label("Code").fill("BCDF GHJK")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("No machine waits with this code.")).to_be_visible()
    page.reload()
    page.get_by_label("Code").fill(codes["user_code"].lower())
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Refuse").click()

    expect(page.get_by_role("heading", name="WS-BERLIN-01 is refused")).to_be_visible()
    assert asked(http, codes)["code"] == "access_denied"


def test_a_wrong_password_is_told_on_a_phone_too(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 800})

    page.goto(f"{server.url}/authorize")
    page.get_by_label("E-mail address").fill("ada@people.example")
    page.get_by_label("Password").fill("wrong wrong wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_text("do not belong together")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
