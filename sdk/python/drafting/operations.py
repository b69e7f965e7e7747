"""Operations as methods, once waiting and once awaiting."""

from __future__ import annotations

import dataclasses
import textwrap

from drafting.documents import Operation, Schema
from drafting.names import argument_of, snake
from drafting.shapes import Shapes

INSTANT_PARAMETERS = frozenset({"from", "to", "updated_since", "startDate", "endDate", "updatedSince", "since"})
CONSTANT_HEADERS = {"Tus-Resumable": "1.0.0"}
PAGING = (
    ("next_cursor", "data", "by_cursor"),
    ("count", "rows", "by_number"),
    ("meta", "data", "by_link"),
    ("", "data", "whole"),
)
"""By which field a page is known, where its rows are, and how to go on; the last is a list that is whole at once."""


@dataclasses.dataclass
class Argument:
    """One of a method's."""

    name: str
    type: str
    default: str | None
    said: str


class Method:
    """One operation of an API."""

    def __init__(self, operation: Operation, name: str, api: str, shapes: Shapes) -> None:
        self.operation = operation
        self.name = name
        self.api = api
        self._shapes = shapes
        self._paths: list[tuple[str, Argument]] = []
        self._queries: list[tuple[str, Argument, Schema]] = []
        self._headers: list[tuple[str, Argument]] = []
        self._bodies: list[tuple[str, Argument]] = []
        self._whole_body: Argument | None = None
        self._files: list[tuple[str, Argument]] = []
        self._progress: list[Argument] = []
        for parameter in operation.parameters:
            self._take_parameter(parameter)
        if operation.body is not None:
            self._take_body(operation.body)
        if operation.form is not None:
            self._take_form(operation.form)
        self.answer, self.row, self.following, self.rows = self._answered()

    @property
    def is_download(self) -> bool:
        """Whether it answers a file."""
        kind, _ = self.operation.success
        return bool(kind) and "json" not in kind

    def _take_parameter(self, parameter: Schema) -> None:
        wire, place, schema = parameter["name"], parameter["in"], parameter.get("schema", {})
        name = argument_of(self.operation.id, wire)
        said = str(parameter.get("description") or schema.get("description") or "")
        type_ = self._parameter_type(wire, schema)
        if place == "path":
            self._paths.append((wire, Argument(name, type_, None, said)))
        elif place == "query":
            required = parameter.get("required", False)
            shown = type_ if required else f"{type_} | None"
            self._queries.append((wire, Argument(name, shown, None if required else "None", said), parameter))
        elif place == "header" and wire not in CONSTANT_HEADERS:
            self._headers.append((wire, Argument(name, "str | None", "None", said)))

    def _parameter_type(self, wire: str, schema: Schema) -> str:
        plain = self._shapes.document.resolved(schema)
        if wire in INSTANT_PARAMETERS and plain.get("type") == "string":
            return "datetime.date | str" if plain.get("format") == "date" else "datetime.datetime | datetime.date | str"
        return self._shapes.type_of(schema, name="", sequence="Sequence").replace(" | None", "")

    def _take_body(self, body: Schema) -> None:
        choices = [one for one in body.get("anyOf", [body]) if one.get("type") != "null"]
        schema = self._shapes.document.resolved(choices[0])
        if len(choices) > 1 or "properties" not in schema:
            self._whole_body = Argument("body", "Mapping[str, object]", None, "As the document describes it.")
            return
        is_optional = len(choices) < len(body.get("anyOf", [body]))
        for wire, own in schema["properties"].items():
            self._take_field(wire, own, required=wire in schema.get("required", ()) and not is_optional)

    def _take_field(self, wire: str, own: Schema, *, required: bool) -> None:
        within = "Upload" if self.operation.form else ""
        type_ = self._shapes.type_of(own, within=within, name=wire, sequence="Sequence")
        default = None
        if not required:
            is_nullable = "None" in type_.split(" | ")
            null_says_something = is_nullable and (self.operation.method == "PATCH" or own.get("default") is not None)
            default = "UNSET" if null_says_something else "None"
            if null_says_something:
                type_ = f"{type_.removesuffix(' | None')} | Unset | None"
            elif not is_nullable:
                type_ += " | None"
        self._bodies.append((wire, Argument(snake(wire), type_, default, str(own.get("description", "")))))

    def _take_form(self, form: Schema) -> None:
        """Beside JSON the fields are those of the JSON, and the form adds files; alone it says all."""
        form = self._shapes.document.resolved(form)
        for wire, own in form["properties"].items():
            if _is_file(own):
                is_needed = wire in form.get("required", ())
                type_, default = ("File", None) if is_needed else ("File | None", "None")
                self._files.append((wire, Argument(snake(wire), type_, default, str(own.get("description", "")))))
            elif self.operation.body is None:
                self._take_field(wire, own, required=wire in form.get("required", ()))
        for wire, argument in self._bodies:
            said = str(form["properties"].get(wire, {}).get("description", argument.said))
            argument.said = said.removeprefix("JSON text. ")
            if wire == "transcript":
                more = "The same as a file: JSON, WebVTT, SRT, or the document that Teams or Meet exports."
                self._files.append(("transcript", Argument("transcript_file", "File | None", "None", more)))
        progress = "Told how many bytes of how many are sent; after a fault it begins anew."
        self._progress = [Argument("on_progress", "Progress | None", "None", progress)]

    def _answered(self) -> tuple[str, str, str, str]:
        """Return the type of the answer, and of a list its rows' type, how to go on, and where the rows are."""
        _, schema = self.operation.success
        if self.is_download or schema is None:
            return "None", "", "", ""
        if self.api == "PORTAL":
            schema = schema["properties"]["data"]
        type_ = self._shapes.type_of(schema, within=self.name, name="answer")
        if self.operation.method != "GET":  # what does something is done when it is called, not when it is walked
            return type_, "", "", ""
        fields = self._shapes.document.resolved(schema).get("properties", {})
        queried = {wire for wire, _, _ in self._queries}
        for mark, rows, following in PAGING:
            is_paged = mark in fields and rows in fields and queried & {"cursor", "page"}
            if is_paged or (following == "whole" and set(fields) == {rows}):
                row = self._shapes.type_of(fields[rows]["items"], within=type_, name="row")
                return type_, row, following, rows
        return type_, "", "", ""

    @property
    def _arguments(self) -> list[Argument]:
        named = [argument for _, argument in self._files]
        named += [argument for _, argument, _ in self._queries] + [argument for _, argument in self._bodies]
        named += [self._whole_body] if self._whole_body else []
        return named + [argument for _, argument in self._headers] + self._progress

    def render(self, *, awaiting: bool) -> str:
        """Return the method's source."""
        required = [one for one in self._arguments if one.default is None]
        optional = [one for one in self._arguments if one.default is not None]
        positional = [argument for _, argument in self._paths]
        if self._files:  # the first stands first
            file = self._files[0][1]
            positional.append(file)
            required, optional = ([one for one in ones if one is not file] for ones in (required, optional))
        if len(required) == 1 and not positional:
            positional, required = required, []
        signature = ["self", *(_declared(one) for one in positional)]
        if required or optional:
            signature += ["*", *(_declared(one) for one in (*required, *optional))]
        returned, call = self._call(awaiting=awaiting)
        starts = "async def" if awaiting and not (self.following or self.is_download) else "def"
        lines = [
            f"    {starts} {self.name}({', '.join(signature)}) -> {returned}:",
            textwrap.indent(self._docstring(), "        "),
            f"        {call}",
        ]
        return "\n".join(lines)

    def _call(self, *, awaiting: bool) -> tuple[str, str]:
        prefix = "Async" if awaiting else ""
        request = self._request()
        if self.is_download:
            return f"{prefix}Download", f"return {prefix}Download(self._sender, {request})"
        if self.following:
            pages = f"{prefix}Pages[{self.answer}, {self.row}]"
            return pages, f'return {prefix}Pages(self._sender, {request}, {self.following}, "{self.rows}")'
        waiting = "await " if awaiting else ""
        if self.answer == "None":
            return "None", f"{waiting}self._sender.send({request})"
        return self.answer, f"return {waiting}self._sender.send({request})"

    def _request(self) -> str:
        address = f'"{self.operation.path}"'
        if self._paths:
            address = f"path({address}, {', '.join(f'{wire}={one.name}' for wire, one in self._paths)})"
        answer = self.answer if self.answer != "None" else "None"
        parts = [f"api=Api.{self.api}", f'method="{self.operation.method}"', f"path={address}", f"answer={answer}"]
        if self._queries:
            values = ", ".join(f'"{wire}": {_queried(one, spec)}' for wire, one, spec in self._queries)
            parts.append(f"query={{{values}}}")
        if self._bodies and not self._files:
            parts.append(f"body={_filled(self._bodies)}")
        if self._whole_body:
            parts.append("body=body")
        constant = [one["name"] for one in self.operation.parameters if one["name"] in CONSTANT_HEADERS]
        headers = [f'"{wire}": {_headed(wire, one)}' for wire, one in self._headers]
        headers += [f'"{wire}": "{CONSTANT_HEADERS[wire]}"' for wire in constant]
        if headers:
            parts.append(f"headers={{{', '.join(headers)}}}")
        if any(wire == "Idempotency-Key" for wire, _ in self._headers):
            parts.append("is_repeatable=True")
        if self.api == "PORTAL":
            parts.append("enveloped=True")
        kind = "Any" if self.is_download else self.answer
        request = f"Request[{kind}]({', '.join(parts)})"
        if not self._files:
            return request
        files = ", ".join(f'"{wire}": {one.name}' for wire, one in self._files)
        takes_json = self.operation.body is not None
        return f"upload({request}, {_filled(self._bodies)}, {{{files}}}, on_progress, takes_json={takes_json})"

    def _docstring(self) -> str:
        said = str(self.operation.spec.get("summary") or self.operation.id).strip().rstrip(".") + "."
        more = str(self.operation.spec.get("description") or "").strip()
        paragraphs = [textwrap.fill(said, 108)]
        if more:
            paragraphs.append(textwrap.fill(more, 108))
        told = [one for one in [*(argument for _, argument in self._paths), *self._arguments] if one.said]
        if told:
            lines = [textwrap.fill(f"{one.name}: {one.said}", 108, subsequent_indent="    ") for one in told]
            paragraphs.append("Args:\n" + textwrap.indent("\n".join(lines), "    "))
        text = "\n\n".join(paragraphs).replace("\\", "\\\\")
        return f'"""{text}"""' if len(paragraphs) == 1 and "\n" not in text else f'"""{text}\n"""'


def _queried(argument: Argument, spec: Schema) -> str:
    is_comma_list = "Sequence" in argument.type and spec.get("explode") is False
    return f"joined({argument.name})" if is_comma_list else argument.name


def _is_file(schema: Schema) -> bool:
    return any(
        one.get("format") == "binary" or one.get("contentMediaType") == "application/octet-stream"
        for one in schema.get("anyOf", [schema])
    )


def _headed(wire: str, argument: Argument) -> str:
    return f"{argument.name} or new_idempotency_key()" if wire == "Idempotency-Key" else argument.name


def _declared(argument: Argument) -> str:
    return f"{argument.name}: {argument.type}" + (f" = {argument.default}" if argument.default is not None else "")


def _filled(bodies: list[tuple[str, Argument]]) -> str:
    values = (f'"{wire}": {one.name if one.default != "None" else f"given({one.name})"}' for wire, one in bodies)
    return f"{{{', '.join(values)}}}"
