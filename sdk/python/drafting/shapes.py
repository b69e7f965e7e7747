"""Schemas as Python types, and components as records."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from drafting.documents import Document, Schema, name_of
from drafting.names import camel, snake

PLAIN = {"integer": "int", "number": "float", "boolean": "bool", "string": "str", "null": "None"}
INSTANTS = frozenset({"at", "date", "since", "until", "timestamp", "period_start", "period_end"})
"""Names of strings that are instants though the document does not say so; `…_at` and `…_since` are too."""
DAYS = frozenset({"first_day", "last_day"})
"""Names of strings that are days."""


class Shapes:
    """The types of one document; `classes` and `values` grow as they are asked for."""

    def __init__(self, document: Document, answered: set[str], sent: set[str]) -> None:
        self.document = document
        self.answered = answered
        self.sent = sent
        self.classes: dict[str, str] = {}
        self.values: dict[str, list[str]] = {}

    def type_of(self, schema: Schema, *, within: str = "", name: str = "", sequence: str = "list") -> str:
        """Return the annotation; enumerations and objects without a name get one after `within` and `name`."""
        if "$ref" in schema:
            return self._named(schema)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices and "properties" not in schema:
            return self._one_of(choices, within=within, name=name, sequence=sequence)
        if "enum" in schema or "const" in schema:
            return self._enumerated(schema, within, name)
        kind = schema.get("type")
        if isinstance(kind, list):
            several = [self.type_of({**schema, "type": one}, within=within, name=name) for one in kind]
            return " | ".join(dict.fromkeys(several))
        if kind == "array":
            return f"{sequence}[{self.type_of(schema.get('items', {}), within=within, name=name, sequence=sequence)}]"
        if kind == "object":
            return self._object(schema, within, name, sequence)
        if kind == "string":
            return self._string(schema, name)
        return PLAIN.get(str(kind), "Any")

    def _named(self, schema: Schema) -> str:
        name, target = name_of(schema), self.document.resolved(schema)
        if "enum" in target:
            self.values[name] = [value for value in target["enum"] if value is not None]
            return name
        if target.get("type") == "object" and "properties" in target:
            return self.record(name)
        return self.type_of(target, name=name)

    def _one_of(self, choices: list[Schema], **how: Any) -> str:
        objects = [choice for choice in choices if self.document.resolved(choice).get("type") == "object"]
        if len(objects) > 1 and all("properties" in self.document.resolved(choice) for choice in objects):
            whole = [self.document.resolved(choice) for choice in objects]
            others = [choice for choice in choices if choice not in objects]
            merged = self._merged(whole, camel(f"{how['within']}_{how['name']}"))
            return " | ".join([merged, *(self.type_of(choice, **how) for choice in others)])
        types = dict.fromkeys(part for choice in choices for part in _parts(self.type_of(choice, **how)))
        return " | ".join(sorted(types, key=lambda one: one == "None"))

    def _merged(self, objects: list[Schema], name: str) -> str:
        """Several kinds of an object as one, since a kind that is added later must break nothing."""
        fields: dict[str, Schema] = {}
        for schema in objects:
            for field, own in schema["properties"].items():
                known = fields.get(field)
                fields[field] = own if known in (None, own) else {"anyOf": [known, own]}
        everywhere = [field for field in fields if all(field in schema.get("required", ()) for schema in objects)]
        fields = {
            field: {"type": "string"}
            if all("enum" in one.get("properties", {}).get(field, {}) for one in objects)
            else own
            for field, own in fields.items()
        }
        kinds = [str(schema.get("description") or schema.get("title", "")) for schema in objects]
        description = "One of these. " + " ".join(kinds)
        return self._write(name, {"properties": fields, "required": everywhere, "description": description})

    def _enumerated(self, schema: Schema, within: str, name: str) -> str:
        values = [value for value in schema.get("enum", [schema.get("const")]) if value is not None]
        nullable = " | None" if None in schema.get("enum", ()) else ""
        if not all(isinstance(value, str) for value in values):
            return "int" if all(isinstance(value, int) for value in values) else "Any"
        if not within:
            return f"Literal[{', '.join(map(_quoted, values))}]{nullable}"
        alias = camel(f"{within}_{name}")
        self.values[alias] = values
        return f"{alias}{nullable}"

    def _object(self, schema: Schema, within: str, name: str, sequence: str) -> str:
        if "properties" in schema and within:
            if sequence == "Sequence":
                self.sent.add(camel(f"{within}_{name}"))
            return self._write(camel(f"{within}_{name}"), {"description": f"Of `{name}`.", **schema})
        more = schema.get("additionalProperties")
        mapping = "dict" if sequence == "list" else "Mapping"
        if not isinstance(more, dict):
            return f"{mapping}[str, Any]"
        return f"{mapping}[str, {self.type_of(more, within=within, name=name, sequence=sequence)}]"

    def _string(self, schema: Schema, name: str) -> str:
        said = schema.get("format")
        if said == "date" or (said is None and name in DAYS):
            return "datetime.date"
        if said == "date-time" or (said is None and (name.endswith(("_at", "At", "_since")) or name in INSTANTS)):
            return "datetime.datetime"
        return "str"

    def record(self, name: str) -> str:
        """Return the class of a component, written once."""
        if name not in self.classes:
            self._write(name, self.document.schemas[name])
        return name

    def _write(self, name: str, schema: Schema) -> str:
        self.classes[name] = ""
        is_input = name in self.sent and name not in self.answered
        required = [field for field in schema["properties"] if field in schema.get("required", ())]
        lines = [self._field(name, field, schema, is_input=is_input) for field in required]
        lines += [
            self._field(name, field, schema, is_input=is_input)
            for field in schema["properties"]
            if field not in required
        ]
        options = ["Input" if is_input else "Record", "kw_only=True"]
        if is_input:
            options.append("frozen=True")
        elif name in self.sent:
            options.append("omit_defaults=True")
        renamed = {snake(field): field for field in schema["properties"] if snake(field) != field}
        if renamed:
            options.append(f"rename={renamed!r}")
        text = described(schema.get("description") or f"{name}.")
        self.classes[name] = "\n".join([f"class {name}({', '.join(options)}):", _indented(text), "", *lines, ""])
        return name

    def _field(self, owner: str, field: str, schema: Schema, *, is_input: bool) -> str:
        own = schema["properties"][field]
        type_ = self.type_of(own, within=owner, name=field, sequence="Sequence" if is_input else "list")
        line = f"    {snake(field)}: {type_}"
        if field not in schema.get("required", ()):
            line += " = None" if "None" in type_.split(" | ") else " | None = None"
        said = own.get("description")
        return f"{line}\n{_indented(described(said))}" if said else line


def _parts(type_: str) -> list[str]:
    """Split a union at its own bars, not at those within brackets."""
    parts, depth = [""], 0
    for piece in re.split(r"(\[|\]| \| )", type_):
        depth += {"[": 1, "]": -1}.get(piece, 0)
        if piece == " | " and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def described(text: str) -> str:
    """Return a docstring."""
    body = textwrap.fill(text.strip().replace("\\", "\\\\"), 108)
    body = body if body.endswith((".", "!", "?", ":", "…")) else f"{body}."
    return f'"""{body[:1].upper()}{body[1:]}"""'


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")


def _quoted(value: str) -> str:
    return f'"{value}"'
