"""The OpenAPI documents as this program reads them: references resolved, operations with the key that opens them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
PREFIX = "#/components/schemas/"


@dataclasses.dataclass(frozen=True)
class Operation:
    """A method of a path."""

    id: str
    method: str
    path: str
    spec: Schema

    @property
    def tag(self) -> str:
        """What the document counts it to."""
        return str((self.spec.get("tags") or [""])[0])

    @property
    def parameters(self) -> list[Schema]:
        """Of path, query and headers."""
        return list(self.spec.get("parameters", ()))

    @property
    def body(self) -> Schema | None:
        """The schema of its JSON, None without a body."""
        content = self.spec.get("requestBody", {}).get("content", {})
        found: Schema | None = content.get("application/json", {}).get("schema")
        return found

    @property
    def form(self) -> Schema | None:
        """The schema of the form that takes a file, None without one."""
        content = self.spec.get("requestBody", {}).get("content", {})
        found: Schema | None = content.get("multipart/form-data", {}).get("schema")
        return found

    @property
    def takes_bytes(self) -> bool:
        """Whether its body is neither JSON nor a form: such operations are written by hand."""
        content = self.spec.get("requestBody", {}).get("content", {})
        return bool(content) and not any("json" in kind or "form" in kind for kind in content)

    @property
    def success(self) -> tuple[str, Schema | None]:
        """The content type and schema of its first success; "" without a body."""
        answers = self.spec["responses"]
        for status in sorted(answers):
            if status.startswith("2"):
                for kind, content in answers[status].get("content", {}).items():
                    return kind, content.get("schema")
        return "", None


class Document:
    """One of docs/api."""

    def __init__(self, path: Path) -> None:
        self.whole: Schema = json.loads(path.read_text(encoding="utf-8"))
        self.schemas: dict[str, Schema] = self.whole["components"]["schemas"]

    def operations(self) -> Iterator[Operation]:
        """Yield every operation that a key opens."""
        everywhere = self.whole.get("security", [{"key": []}])
        for path, methods in self.whole["paths"].items():
            for method in METHODS:
                spec = methods.get(method)
                if spec is None:
                    continue
                own = spec.get("security", everywhere if "/api/v2" not in path else [])
                if "/api/v2" not in path or any("key" in choice for choice in own):
                    shared = methods.get("parameters", [])
                    yield Operation(
                        spec["operationId"],
                        method.upper(),
                        path,
                        {**spec, "parameters": [*shared, *spec.get("parameters", [])]},
                    )

    def resolved(self, schema: Schema) -> Schema:
        """Return the schema itself, where it is a reference."""
        while "$ref" in schema:
            schema = self.schemas[name_of(schema)]
        return schema

    def reached(self, schemas: Iterator[Schema]) -> set[str]:
        """Return the names of all components that these refer to, at any depth."""
        found: set[str] = set()
        waiting: list[Any] = list(schemas)
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                name = name_of(node) if str(node.get("$ref", "")).startswith(PREFIX) else None
                if name and name not in found:
                    found.add(name)
                    waiting.append(self.schemas[name])
                waiting += [value for key, value in node.items() if key not in ("mapping", "example", "examples")]
            elif isinstance(node, list):
                waiting += node
        return found


def name_of(schema: Schema) -> str:
    """Return the component's name of a reference."""
    return str(schema["$ref"]).removeprefix(PREFIX)
