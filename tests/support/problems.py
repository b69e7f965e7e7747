"""Answers that say what is wrong."""

from __future__ import annotations

from typing import Any

import httpx


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is this problem, and return it."""
    assert answer.headers["content-type"] == "application/problem+json"
    shown: dict[str, Any] = answer.json()
    assert (answer.status_code, shown["status"], shown["code"]) == (status, status, code), shown
    assert shown["request_id"] == answer.headers["x-request-id"]
    return shown
