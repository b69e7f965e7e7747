"""What tus 1.0 says in headers: metadata, checksums, versions; and what goes wrong, by its own status codes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from callfloor.conversations_api.spelling import camel, underscored
from callfloor.conversations_api.upload_schemas import BASE64_PATTERN
from callfloor.conversations_api.wire import Upload
from callfloor.foundation.errors import DomainError, invalid

if TYPE_CHECKING:
    from hashlib import _Hash

PATH = "/api/v2/uploads"
VERSION_HEADER = "Tus-Resumable"
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
PIECE = "application/offset+octet-stream"
KIND = "kind"
FILE_NAMES = ("filename", "fileName")
_NOT_OURS = frozenset(("filetype", "type", "relativePath", "contentType"))
"""What uploaders in browsers tell of a file besides."""
_ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "md5": hashlib.md5}
CHECKSUMS = ",".join(_ALGORITHMS)
_METADATA_LENGTH = 65_536
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_TAKEN = [one for one in Upload if one not in {Upload.FILE, Upload.RECORDING_URL}]
_NAMES = sorted({KIND, *FILE_NAMES, *_NOT_OURS, *_TAKEN, *map(underscored, _TAKEN)})
_PAIR = rf" *({'|'.join(_NAMES)})( +{BASE64_PATTERN})? *"
METADATA = {"maxLength": _METADATA_LENGTH, "pattern": rf"^({_PAIR}(,{_PAIR})*)?$"}
CHECKSUM = {"pattern": rf"^({'|'.join(_ALGORITHMS)}) +{BASE64_PATTERN}$"}
"""What the document says of these headers; what stands in the Base64 is beyond it."""


class VersionUnknown(DomainError):
    """The client speaks another version of tus."""

    code = "tus_version"
    status = HTTPStatus.PRECONDITION_FAILED


class OffsetWrong(DomainError):
    """The piece does not begin where the upload stands."""

    code = "offset_mismatch"
    status = HTTPStatus.CONFLICT


class UploadBusy(DomainError):
    """Another request is writing this upload, and has not stopped."""

    code = "upload_locked"
    status = HTTPStatus.LOCKED


class UploadNotFound(DomainError):
    """There is no such upload in this team."""

    code = "upload_not_found"
    status = HTTPStatus.NOT_FOUND


class UploadExpired(DomainError):
    """The next piece took too long."""

    code = "upload_expired"
    status = HTTPStatus.GONE


class ChecksumWrong(DomainError):
    """The piece is not what the client sent: nothing of it counts."""

    code = "checksum_mismatch"
    status = 460


class PieceForeign(DomainError):
    """The body is no piece of an upload."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UploadTooLong(DomainError):
    """The upload would be longer than was said, or than is taken."""

    code = "upload_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def check_version(given: str | None) -> None:
    """Refuse other versions of the protocol.

    Raises:
        VersionUnknown: this server speaks 1.0.0.
    """
    if given != VERSION:
        raise VersionUnknown(f"send the header Tus-Resumable: {VERSION}")


def metadata_of(header: str | None) -> dict[str, str]:
    """Return what `Upload-Metadata` says, names as the wire spells them; what is about the browser's file is dropped.

    Raises:
        InvalidInput: it is none.
    """
    if header is None or not header.strip():
        return {}
    if len(header) > _METADATA_LENGTH:
        raise invalid("Upload-Metadata", f"must have at most {_METADATA_LENGTH} characters")
    found: dict[str, str] = {}
    for pair in header.split(","):
        given, _, encoded = pair.strip().partition(" ")
        name = given if given in FILE_NAMES else camel(given)
        if not _KEY.fullmatch(given):
            raise invalid("Upload-Metadata", "must be pairs of a name and Base64, separated by commas")
        if name in found:
            raise invalid("Upload-Metadata", f"{given}: may be given once")
        if name not in _NOT_OURS:
            found[name] = _decoded(given, encoded)
    return found


def file_name_of(metadata: dict[str, str]) -> str | None:
    """Take the name of the file out of the metadata."""
    names = [metadata.pop(name) for name in FILE_NAMES if name in metadata]
    return next((name for name in names if name), None)


def checksum_of(header: str | None) -> tuple[_Hash, bytes] | None:
    """Return the hash to be fed and what it must come to, or None when the client sent none.

    Raises:
        InvalidInput: of an algorithm that is not known here, or no Base64.
    """
    if header is None:
        return None
    algorithm, _, encoded = header.strip().partition(" ")
    if algorithm not in _ALGORITHMS:
        raise invalid("Upload-Checksum", f"must be of one of {CHECKSUMS}")
    try:
        expected = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Upload-Checksum", "must be an algorithm and Base64") from None
    return _ALGORITHMS[algorithm](usedforsecurity=False), expected


def fields_in(metadata: dict[str, str]) -> dict[str, str]:
    """Return the fields of the conversation.

    Raises:
        InvalidInput: one can only come otherwise.
    """
    for name in (Upload.FILE, Upload.RECORDING_URL):
        if name in metadata:
            raise invalid("Upload-Metadata", f"{name}: the recording is what is uploaded")
    return metadata


def _decoded(name: str, encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("Upload-Metadata", f"{name}: must be UTF-8 text in Base64") from None
