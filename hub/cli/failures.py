"""How a command ends when it cannot do what it was asked: one line for a person and an exit code.

Owns the exit codes and the names of extras; any error it does not know keeps its traceback, because that is a defect. main calls it.
"""

import errno
from typing import Final, NamedTuple

import trio

from hub.core.errors import Refusal

FAILED: Final = 1
USAGE: Final = 2  # a wrong option, argument or setting
JOURNAL_BROKEN: Final = 75  # EX_TEMPFAIL: nothing is acked any more, devices keep their frames; a supervisor may start it again
INTERRUPTED: Final = 130

# What a plain `pip install tributary-hub`, which is enough for a device, does not bring.
_IN_EXTRA: Final = frozenset(
    {"argon2", "duckdb", "fastapi", "h11", "httpx", "numpy", "plotly", "prometheus_client", "pydantic", "pydantic_settings", "rich"}
    | {"structlog"}
)
# Errors of parts that are imported only where they are needed, by name: each says in one line what to do.
_SPEAKS_FOR_ITSELF: Final = frozenset({"DataDirError", "DeviceRefused", "SpoolInUse", "StoreUnavailable"})


_USAGE: Final = frozenset({"bad_config", "bad_usage", "bad_certificate", "bad_store"})  # nothing is better when it is started again
UNPROCESSABLE: Final = 422  # what the hub did not like is what was typed


class Failure(NamedTuple):
    """The end of a command."""

    line: str
    exit_code: int


def failure_of(error: BaseException) -> Failure | None:
    """Return how to end for an error, or None for one that nobody foresaw.

    Of a group a broken journal counts first: what else went wrong then came of it.
    """
    leaves = sorted(_leaves(error), key=lambda leaf: not _is_journal_broken(leaf))
    return _failure_of_one(leaves[0]) if leaves else None


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [] if isinstance(error, trio.Cancelled) else [error]


def _is_journal_broken(error: BaseException) -> bool:
    # By name: hub.ports needs numpy, which a device installation lacks.
    return "JournalBroken" in [kind.__name__ for kind in type(error).__mro__]


def _failure_of_one(error: BaseException) -> Failure | None:
    if _is_journal_broken(error):
        return Failure(_line(str(error), "check the disk, then start the hub again: it verifies the journal"), JOURNAL_BROKEN)
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", INTERRUPTED)
    if isinstance(error, Refusal):
        is_usage = error.code in _USAGE or error.status == UNPROCESSABLE
        return Failure(_line(error.message, error.hint), USAGE if is_usage else FAILED)
    if type(error).__name__ == "WorkerEnded":  # by name, as the journal: how its worker ended is how this process ends
        return Failure(_line(str(error), ""), code if (code := getattr(error, "code", FAILED)) > 0 else FAILED)
    if type(error).__name__ in _SPEAKS_FOR_ITSELF:
        return Failure(_line(str(error), ""), FAILED)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in _IN_EXTRA:
        return Failure(_line(f"{error.name} is not installed", "pip install 'tributary-hub[hub]'"), FAILED)
    return _of_system(error) if isinstance(error, OSError) else None


def _of_system(error: OSError) -> Failure | None:
    if error.errno == errno.ENOSPC:
        return Failure(_line(f"no space left on the disk{_place(error)}", "free some space"), FAILED)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EISDIR):
        return Failure(_line(f"{error.strerror}{_place(error)}", "check the path and who owns it"), FAILED)
    if error.errno == errno.EMFILE:
        return Failure(_line("no file descriptor is left for this process", "raise the limit: ulimit -n 65536"), FAILED)
    return None


def _place(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _line(message: str, hint: str) -> str:
    """Join to one line; what comes from elsewhere may hold line ends."""
    text = f"error: {message}; {hint}" if hint else f"error: {message}"
    return " ".join(text.split())
