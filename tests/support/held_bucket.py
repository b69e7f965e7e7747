"""A bucket of a real S3 server that holds a request until it is told to answer it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from callfloor.foundation.ids import new_id
from tests.support.server import DEADLINE_SECONDS

_HOST, _BUCKET = "127.0.0.1", "calls"


class Held:
    """The request that ends the writing of a file below a folder, once it has come; others are answered."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._came, self._may_go_on, self._answered = (threading.Event() for _ in range(3))

    def takes(self, method: str, path: str, query: str) -> bool:
        """Return whether this is the one."""
        is_last = method == "POST" and "uploadId=" in query
        return is_last and path.startswith(self._folder) and not self._came.is_set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait before it is answered, and tell then."""
        self._came.set()
        self._may_go_on.wait(DEADLINE_SECONDS)
        yield
        self._answered.set()

    def wait(self) -> None:
        """Return once it has come."""
        assert self._came.wait(DEADLINE_SECONDS), "nothing came to be held"

    def release(self) -> None:
        """Let it be answered, and return once the file is there."""
        self._may_go_on.set()
        assert not self._came.is_set() or self._answered.wait(DEADLINE_SECONDS), "it was not answered"


class HeldBucket:
    """The bucket, by the address that a setting has."""

    def __init__(self) -> None:
        self._prefix = new_id()  # the buckets of one process are the same
        self._app = DomainDispatcherApplication(create_backend_app)
        self._held: Held | None = None
        self._server = make_server(_HOST, 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        endpoint = f"http://{_HOST}:{self._server.server_port}"
        self.address = f"s3://key:secret@{_BUCKET}/{self._prefix}?endpoint={endpoint}"
        self._s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        self._s3.create_bucket(Bucket=_BUCKET)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        asked, held = [environ[name] for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING")], self._held
        with held.held() if held is not None and held.takes(*asked) else contextlib.nullcontext():
            answer: Iterable[bytes] = self._app(environ, start)
            return answer

    def keys_in(self, folder: str) -> list[str]:
        """Return the keys below a folder."""
        found = self._s3.list_objects_v2(Bucket=_BUCKET, Prefix=f"{self._prefix}/{folder}/").get("Contents", ())
        return [one["Key"] for one in found]

    @contextlib.contextmanager
    def holding(self, folder: str) -> Iterator[Held]:
        """Hold the next request that would end the writing of a file below the folder."""
        held = self._held = Held(f"/{_BUCKET}/{self._prefix}/{folder}/")
        try:
            yield held
        finally:
            held.release()
            self._held = None

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join(DEADLINE_SECONDS)
        self._server.server_close()
