"""Structured log lines on stderr: JSON, or text on a terminal; a secret never appears."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from callfloor.foundation.settings import Log


@contextlib.contextmanager
def _without_rich() -> Iterator[None]:
    """Let an import of rich fail inside, as if it were not installed."""
    is_absent = "rich" not in sys.modules
    if is_absent:
        sys.modules["rich"] = None  # type: ignore[assignment]  # what the import system documents for this
    try:
        yield
    finally:
        if is_absent:
            del sys.modules["rich"]


with _without_rich():  # structlog would import it for tracebacks of a kind not used here, and take four times as long
    import structlog

HIDDEN = "hidden"
_SECRET_WORDS = ("authorization", "api_key", "api-key", "secret", "password", "token", "cookie", "credential")


def configure_logging(log: Log) -> None:
    """Send every line of structlog and of the standard library's logging to stderr, in one form."""
    as_text = is_text(log)
    renderer: Processor = (
        # Plain: the other way to show a traceback shows the values of variables, secrets among them.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    level = logging.getLevelNamesMapping()[log.level.upper()]
    structlog.configure(
        processors=[*shared, *_traceback(as_text=as_text), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_traceback(as_text=as_text),
                renderer,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def is_text(log: Log) -> bool:
    """Return whether lines are for people: as set, or because stderr is a terminal."""
    return log.format == "text" or (log.format is None and sys.stderr.isatty())


def _traceback(*, as_text: bool) -> list[Processor]:
    return [] if as_text else [structlog.processors.format_exc_info]


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace every value whose name says that it is a secret, at any depth of dicts."""
    return {name: _shown(name, value) for name, value in event.items()}


def _shown(name: str, value: object) -> object:
    lowered = str(name).lower()
    if any(word in lowered for word in _SECRET_WORDS):
        return HIDDEN
    if isinstance(value, dict):
        return {inner: _shown(inner, held) for inner, held in value.items()}
    return value
