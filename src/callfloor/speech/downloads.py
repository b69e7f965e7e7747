"""Brings a wheel to this machine by name, version and sha256, through pip, resumable after any interruption."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from callfloor.speech.errors import DownloadFailed

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK_BYTES: Final = 1 << 18
_FRUITLESS_TRIES: Final = 3
_TIMEOUT_SECONDS: Final = 60.0
_PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
_REFUSALS: Final = frozenset((401, 403, 404, 407, 410))


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel in a package index, pinned; ``members`` are pairs of a file in it and the file it is appended to."""

    package: str
    version: str
    sha256: str
    size_bytes: int
    members: tuple[tuple[str, str], ...]

    @property
    def file_name(self) -> str:
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


class _Unreachable(Exception):
    """The address that pip gave cannot be used without pip."""


def fetch_wheel(wheel: Wheel, folder: Path, on_progress: Callable[[int], None]) -> Path:
    """Return the wheel as a verified file in ``folder``, downloading what is not there yet.

    Args:
        wheel: what to bring.
        folder: an existing folder; an interrupted download stays there and is continued the next time.
        on_progress: told the bytes there are so far; may raise.

    Raises:
        DownloadFailed: no index has it, the connection does not hold, or it is not what was pinned.
    """
    target = folder / f"{wheel.requirement}.whl"
    if target.is_file() and sha256_of(target) == wheel.sha256:
        on_progress(target.stat().st_size)
        return target
    part = folder / f"{wheel.requirement}.part"
    try:
        _fetch(_address_of(wheel), part, wheel, on_progress)
    except _Unreachable:
        _download_with_pip(wheel, folder, part)
    if sha256_of(part) != wheel.sha256:
        part.unlink()
        raise DownloadFailed(f"{wheel.requirement} is not the file that was pinned (its sha256 differs).")
    part.replace(target)
    on_progress(target.stat().st_size)
    return target


def sha256_of(file: Path) -> str:
    """Return the file's sha256 as hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _address_of(wheel: Wheel) -> str:
    """The wheel's address as pip finds it, with whatever index, proxy and certificate pip is set up for.

    Raises:
        DownloadFailed: pip is missing.
        _Unreachable: the address is none that can be fetched in ranges.
    """
    # Of pip's commands only this one names addresses without downloading: a dry run of install fetches the wheel.
    said = _run_pip("index", "versions", wheel.package, "-vv", must_succeed=False)
    address: str
    for address in re.findall(r"Found link (\S+)", said):
        parts = urllib.parse.urlsplit(address)
        if parts.path.endswith(f"/{wheel.file_name}") and parts.scheme in ("https", "http") and "@" not in parts.netloc:
            return urllib.parse.urldefrag(address).url
    raise _Unreachable


def _fetch(address: str, part: Path, wheel: Wheel, on_progress: Callable[[int], None]) -> None:
    """Continue ``part`` until it is whole; gives up after some tries in a row that bring nothing."""
    fault: Exception | None = None
    fruitless = 0
    while (have := _size_of(part)) < wheel.size_bytes:
        try:
            _append(address, part, have, on_progress)
        except urllib.error.HTTPError as error:
            if error.code in _REFUSALS:
                raise _Unreachable from error
            fault = error
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
                raise _Unreachable from error
            fault = error
        fruitless = 0 if _size_of(part) > have else fruitless + 1
        if fruitless >= _FRUITLESS_TRIES:
            raise DownloadFailed(
                f"The download of {wheel.requirement} broke off ({fault or 'the connection was closed'}). "
                "Run the command again to go on where it stopped."
            )


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _append(address: str, part: Path, have: int, on_progress: Callable[[int], None]) -> None:
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  checked
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=context) as answer:  # noqa: S310  checked
        # A server that knows no ranges answers 200 with the whole file.
        is_continued = answer.status == http.client.PARTIAL_CONTENT
        have = have if is_continued else 0
        with part.open("ab" if is_continued else "wb") as file:
            while block := answer.read(_BLOCK_BYTES):
                file.write(block)
                have += len(block)
                on_progress(have)


def _download_with_pip(wheel: Wheel, folder: Path, part: Path) -> None:
    into = folder / f"{wheel.requirement}.pip"
    _run_pip("download", "--no-deps", "--only-binary", ":all:", "--dest", str(into), wheel.requirement)
    next(into.glob("*.whl")).replace(part)
    into.rmdir()


def _run_pip(*arguments: str, must_succeed: bool = True) -> str:
    done = subprocess.run([*_PIP, *arguments], capture_output=True, text=True, check=False)
    if "No module named pip" in done.stderr:
        raise DownloadFailed(
            "pip is missing from this environment: run 'python -m ensurepip', or give the model's folder with --path."
        )
    if done.returncode == 0 or not must_succeed:
        return done.stdout
    said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    raise DownloadFailed(f"pip could not bring {arguments[-1]}: {said[-1] if said else 'it gave no reason'}.")
