"""Swagger UI in a real browser: offline, under its strict policy, Authorize and Try it out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conversations_api.conftest import Http
from tests.factories.audio import make_wav
from tests.factories.teams import ConversationsKey
from tests.support.server import Server


class TestFiles:
    @pytest.mark.parametrize(
        ("path", "media_type"),
        [
            ("/swagger", "text/html"),
            ("/swagger/", "text/html"),
            ("/swagger-json", "application/json"),
            ("/swagger/start.js", "text/javascript"),
            ("/swagger/swagger-ui-bundle.js", "text/javascript"),
            ("/swagger/swagger-ui.css", "text/css"),
            ("/swagger/own.css", "text/css"),
        ],
    )
    def test_need_no_key_and_carry_the_strict_policy(self, http: Http, path: str, media_type: str) -> None:
        http.headers = {}

        answer = http.get(path)

        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(media_type)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        "path", ["/swagger/LICENSE", "/swagger/..", "/swagger/%2e%2e%2f__init__.py", "/swagger/x/y"]
    )
    def test_are_those_of_the_page_alone(self, http: Http, path: str) -> None:
        assert http.get(path).status_code == 404

    def test_are_only_read(self, http: Http) -> None:
        assert http.send("POST", "/swagger").status_code == 405


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser.new_page(ignore_https_errors=True)
        browser.close()


def test_authorize_and_try_it_out_work_in_a_browser(
    floor: tuple[Server, ConversationsKey], page: Page, tmp_path: Path
) -> None:
    server, key = floor
    complaints: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add("/".join(request.url.split("/")[:3])))
    recording = tmp_path / "call.wav"
    recording.write_bytes(make_wav())

    page.goto(f"{server.url}/swagger")
    authorize(page, key)
    with page.expect_response(lambda answer: answer.request.method == "POST") as said:
        uploaded = tried_out(page, "#operations-Calls-upload_call", recording)
    listed = tried_out(page, "#operations-Calls-list_calls")
    # At least the one: other tests send calls to the same server.
    shown = page.locator("#operations-Calls-list_calls .live-responses-table")
    expect(shown).to_contain_text(re.compile(r'"total": [1-9]'))

    assert uploaded.startswith("202")
    assert [said.value.json()[name] for name in ("direction", "recordingConsent", "language")] == [None] * 3
    assert page.locator("#operations-Calls-upload_call input[type=file]").count() == 1
    assert listed.startswith("200")
    assert complaints == []
    assert hosts == {server.url}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_and_fits_on_a_telephone(
    floor: tuple[Server, ConversationsKey], page: Page, scheme: Literal["light", "dark"]
) -> None:
    server, _ = floor
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})

    page.goto(f"{server.url}/swagger")
    for operation in ("list_calls", "upload_call", "get_call"):
        page.click(f"#operations-Calls-{operation} .opblock-summary")
        page.wait_for_selector(f"#operations-Calls-{operation} .responses-table")

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(FAINT) == []


FAINT = """() => {
  const channels = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const [r, g, b, opacity = 1] = channels(getComputedStyle(element).backgroundColor);
      if (opacity > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.querySelector("#swagger-ui"), NodeFilter.SHOW_TEXT);
  const faint = [];
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !element.getClientRects().length) continue;
    const [one, two] = [light(channels(getComputedStyle(element).color).slice(0, 3)), light(behind(element))];
    if ((Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05) < 2) faint.push(texts.currentNode.textContent);
  }
  return faint;
}"""
"""Returns texts that cannot be read: whose contrast is below 2 to 1. Swagger UI's own colors are above, if not far."""


def authorize(page: Page, key: ConversationsKey) -> None:
    page.click("button.authorize")
    for name, value in key.headers.items():
        box = page.locator(".auth-container", has_text=name)
        box.locator("input").fill(value)
        box.locator("button.authorize").click()
    page.click("button.btn-done")


def tried_out(page: Page, operation: str, recording: Path | None = None) -> str:
    page.click(f"{operation} .opblock-summary")
    page.click(f"{operation} .try-out__btn")
    if recording is not None:
        page.set_input_files(f"{operation} input[type=file]", recording)
    page.click(f"{operation} .execute")
    return page.inner_text(f"{operation} .live-responses-table .response")
