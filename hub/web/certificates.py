"""The certificate that new connections are served with: renewed while the hub runs, and told of before it ends.

Owns when its files are read anew. A connection keeps the certificate it began with; a file that is no good changes nothing. Made and
run by the door.
"""

import os
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
import trio

from hub.certificate import certificate_end_s
from hub.core.errors import Refusal
from hub.web.listening import encryption
from hub.web.settings import DoorSettings

EXPIRY_WARNING_S: Final = 14 * 86_400
_PERIOD_S: Final = 60.0
_TOLD_EVERY_S: Final = 86_400
_NOT_ITS_TIME: Final = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_RENEW: Final = "renew it: the hub takes the new file by itself"
_LOG: Final = structlog.get_logger("hub.web.door")

_Stamp = tuple[tuple[int, int, int], ...]


class Certificates:
    """The certificate as it is now. Without one there is nothing to do, and `context` is None."""

    def __init__(self, settings: DoorSettings, now_s: Callable[[], float] = time.time) -> None:
        self.context: ssl.SSLContext | None = None
        self._settings = settings
        self._now_s = now_s  # the wall clock: certificates end by it
        self._stamp: _Stamp = ()  # of the files as they were looked at last
        self._ends_s: float | None = None  # None: not known
        self._wrong = ""  # with the newest files
        self._told_s = float("-inf")

    def load(self) -> None:
        """Read the certificate for the first time; one that has ended is served all the same. Raises Refusal: bad_certificate."""
        self._stamp = self._look_at_files()
        self.context = encryption(self._settings)
        if self.context is None:
            return
        try:
            self._ends_s = self._end_s()
        except ssl.SSLError as error:
            self._ends_s = self._now_s() if getattr(error, "verify_code", 0) in _NOT_ITS_TIME else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look at the files once a minute and on SIGHUP, until cancelled."""
        async with trio.open_nursery() as nursery:
            if threading.current_thread() is threading.main_thread() and not sys.stderr.isatty():
                # On a terminal SIGHUP means that it was closed: then the hub ends, as every program does.
                await nursery.start(self._on_hang_up)
            task_status.started()
            while self.context is not None:
                self._warn()
                await trio.sleep(_PERIOD_S)
                self.renew()

    async def _on_hang_up(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                self._stamp = ()
                self.renew()

    def renew(self) -> None:
        """Take the files where they have changed; where they are no good, keep what is served and say so."""
        if self.context is None or (stamp := self._look_at_files()) == self._stamp:
            return
        self._stamp = stamp
        try:
            context, ends_s = encryption(self._settings), self._end_s()
        except Refusal as refusal:
            self._keep(refusal.message)
        except (OSError, ssl.SSLError) as error:
            self._keep(str(error))
        else:
            self.context, self._ends_s, self._wrong = context, ends_s, ""
            self._told_s = float("-inf")
            _LOG.info("certificate_taken", file=str(self._settings.tls_certificate), ends=self._end())
            self._warn()

    def notes(self) -> list[str]:
        """Return what the operator should know."""
        notes = []
        if self._wrong:
            notes.append(f"the new TLS certificate is not used: {self._wrong}; the one before it still is")
        if self._ends_s is not None and (left_s := self._ends_s - self._now_s()) < EXPIRY_WARNING_S:
            when = f"ends on {self._end()}, in {left_s / 86_400:.0f} days" if left_s > 0 else "is not good at this time"
            notes.append(f"the TLS certificate {when}; {_RENEW}")
        return notes

    def _keep(self, reason: str) -> None:
        self._wrong = reason
        hint = "correct the files; they are looked at once a minute, and at once on SIGHUP"
        _LOG.error("certificate_not_taken", file=str(self._settings.tls_certificate), reason=reason, hint=hint)

    def _warn(self) -> None:
        if self._ends_s is None or self._ends_s - self._now_s() >= EXPIRY_WARNING_S or self._now_s() - self._told_s < _TOLD_EVERY_S:
            return
        self._told_s = self._now_s()
        _LOG.warning("certificate_ends", file=str(self._settings.tls_certificate), ends=self._end(), hint=_RENEW)

    def _end(self) -> str:
        return "unknown" if self._ends_s is None else time.strftime("%Y-%m-%d", time.gmtime(self._ends_s))

    def _end_s(self) -> float | None:
        """Return when the certificate ends, None where that cannot be told. Raises ssl.SSLError where this is not its time."""
        assert self._settings.tls_certificate is not None
        try:
            return certificate_end_s(self._settings.tls_certificate, self._settings.tls_key)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in _NOT_ITS_TIME:
                raise
            return None  # its own authority is for its clients to judge

    def _look_at_files(self) -> _Stamp:
        stamps = []
        for path in (self._settings.tls_certificate, self._settings.tls_key):
            try:
                found = os.stat(path) if path is not None else None
            except OSError:
                found = None  # reading it will tell why
            stamps.append((0, 0, 0) if found is None else (found.st_mtime_ns, found.st_ino, found.st_size))
        return tuple(stamps)
