"""How the hub logs: structlog to stderr, text on a terminal and JSON lines otherwise; the standard library's loggers join in.

Owns the format and what must never be in a line: tokens, cookies, message bodies; control characters as they are.
Must not decide what is logged. The CLI calls configure_logs once before anything runs.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

_REDACTED: Final = "(redacted)"
_SECRET_KEYS: Final = frozenset(
    {"token", "authorization", "cookie", "set_cookie", "password", "secret", "session", "body", "payload", "admin_token"}
)
# A secret inside a text: a bearer header, a login link, our cookie.
_SECRET_TEXT: Final = re.compile(r"(?i)(bearer\s+|[?&]token=|tributary_session\w*=)[^\s&;\"']+")


def redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets and bodies out of an event, whoever logged them."""
    for key, value in event.items():
        if key.lower().replace("-", "_") in _SECRET_KEYS or isinstance(value, bytes | bytearray | memoryview):
            event[key] = _REDACTED
        elif isinstance(value, str):
            event[key] = _SECRET_TEXT.sub(rf"\1{_REDACTED}", value)
    return event


class _Quoted:
    """A text as Python writes it, with everything escaped that is not to be seen."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return repr(self._text)


def quoted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Quote what would move the cursor, break the line or turn the letters round on a terminal: some of it was said by devices."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "stack":
            event[key] = _Quoted(value)
    return event


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (default stderr) from `level` on; may be called again."""
    out = stream or sys.stderr
    is_terminal = out.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Any]
    if is_terminal:
        last = [redacted, quoted, structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)]
    else:
        last = [structlog.processors.format_exc_info, redacted, structlog.processors.JSONRenderer(default=str, ensure_ascii=True)]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # httpx and httpcore log each request line at info; the hub's own lines are enough, and a URL may be a login link.
    for name in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
