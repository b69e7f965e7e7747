"""Nothing vanishes from the Portal API: each released document is held against the present one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs" / "api"
PRESENT = json.loads((DOCS / "portal.json").read_bytes())
RELEASED = sorted((DOCS / "released").glob("portal-*.json"))


def vanished(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return what of the document before is not in the one now, or is of another type."""
    gone = []
    for path, methods in before["paths"].items():
        for method, operation in methods.items():
            present = now["paths"].get(path, {}).get(method)
            if present is None:
                gone.append(f"{method} {path}")
                continue
            names = {one["name"] for one in present.get("parameters", ())}
            gone += [
                f"{method} {path} {one['name']}" for one in operation.get("parameters", ()) if one["name"] not in names
            ]
            gone += [
                f"{method} {path} {status}" for status in operation["responses"] if status not in present["responses"]
            ]
    for name, schema in before["components"]["schemas"].items():
        present = now["components"]["schemas"].get(name, {}).get("properties", {})
        gone += [
            f"{name}.{attribute}"
            for attribute, was in schema.get("properties", {}).items()
            if attribute not in present or type_of(present[attribute]) != type_of(was)
        ]
    return gone


def type_of(schema: dict[str, Any]) -> object:
    """Return what makes an attribute's type; its words and examples may change."""
    return {key: value for key, value in schema.items() if key in {"type", "$ref", "anyOf", "items", "format", "const"}}


def test_nothing_vanished_since_any_release() -> None:
    gone = {path.stem: vanished(json.loads(path.read_bytes()), PRESENT) for path in RELEASED}

    assert not any(gone.values()), gone


def test_what_vanishes_is_seen() -> None:
    now = copy.deepcopy(PRESENT)
    del now["paths"]["/api/v1/seats"]["post"]
    del now["components"]["schemas"]["Seat"]["properties"]["nickname"]
    now["components"]["schemas"]["Seat"]["properties"]["id"] = {"type": "string"}

    assert vanished(PRESENT, PRESENT) == []
    assert vanished(PRESENT, now) == ["post /api/v1/seats", "Seat.id", "Seat.nickname"]
