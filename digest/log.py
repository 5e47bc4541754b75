"""Logs are events with fields, on stderr: readable on a terminal, JSON lines elsewhere.

What is not here: the event log of the newsletter (store/events), which is what editors read.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

from digest.clock import SystemClock, system_clock
from digest.unloaded import without

with without("rich"):  # for tracebacks, which are text here before they are shown
    import structlog
    from structlog.typing import Processor

_ADDRESS = re.compile(r"([^\s<>@,;:]{1,2})[^\s<>@,;:]*@")


def redact(text: str) -> str:
    """Addresses in `text`, shortened so that a log can be shown: `reader@example.org` is `re…@example.org`."""
    return _ADDRESS.sub(r"\1…@", text)


def _redact_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


def _stamp(terminal: bool) -> Processor:
    """Puts the time on an entry: that of our clock, which `DIGEST_NOW` moves."""
    try:
        now = system_clock().now
    except ValueError:  # whoever opens the site says so
        now = SystemClock().now

    def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        moment = now()
        event["timestamp"] = f"{moment.astimezone():%H:%M:%S}" if terminal else f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
        return event

    return stamp


def setup(*, verbose: bool = False, quiet: bool = False) -> None:
    """Send logs to stderr; called once, by the command that runs. Side effect: configures structlog and logging."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamp(terminal),
            structlog.processors.format_exc_info,
            _redact_fields,  # after the traceback has become text: that too may hold an address
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # broken form data is a robot's, and no news
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
