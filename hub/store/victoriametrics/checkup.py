"""VictoriaMetrics as doctor sees it: reachable, one node or a cluster behind a proxy, and the flags that the store relies on.

Owns the sentences and which of them are failures. Nothing can be set up from here: flags are given where the server is started. Made by
hub/stores.py.
"""

from typing import Final

from hub.ports import Retention, StoreUnavailable
from hub.store.calls import Calls
from hub.store.checkup import Remark
from hub.store.failures import Database
from hub.store.victoriametrics.figures import Figures, read_figures
from hub.store.victoriametrics.remarks import DAY_MS, remarks

_DEDUP: Final = "-dedup.minScrapeInterval=1ms"
_FOR_EVER_MS: Final = 50 * 365 * DAY_MS
_OWN: Final = (_DEDUP, "keeps readings for")  # what is said here in a line of its own


class VictoriaMetricsCheckup:
    """A Checkup of one server."""

    def __init__(self, url: str, token: str | None, retention: Retention) -> None:
        self._url, self._token, self._retention = url, token, retention

    async def look(self) -> list[Remark]:
        """Return what is found."""
        calls = Calls(Database("VictoriaMetrics", self._url, ""), None, self._token, threads=1, scheme="Bearer")
        try:
            await calls.run(lambda client: client.ask("GET", "/api/v1/query", {"query": "1"}))
            reached = Remark("ok", f"VictoriaMetrics answers at {self._url}")
            try:
                figures = read_figures(await calls.run(lambda client: client.ask("GET", "/metrics")))
            except StoreUnavailable:  # a proxy may let queries through and nothing else
                figures = None
        except StoreUnavailable as error:
            return [Remark("fail", str(error))]
        finally:
            await calls.aclose()
        return [reached, *(self._of_node(figures) if figures is not None else _of_proxy())]

    def _of_node(self, figures: Figures) -> list[Remark]:
        found = [Remark("ok", "it is a single node, which keeps what it takes itself")]
        if figures.dedup_ms == 1:
            found.append(Remark("ok", f"it runs with {_DEDUP}"))
        else:
            said = f"it runs without {_DEDUP}: a reading that is sent again after an outage is counted twice"
            found.append(Remark("fail", said, f"start it with {_DEDUP}"))
        found.append(self._of_retention(figures.keeps_ms))
        others = [each for each in remarks(figures, None, self._retention) if not any(mine in each for mine in _OWN)]
        return found + [Remark("warn", each) for each in others]

    def _of_retention(self, keeps_ms: int | None) -> Remark:
        days = self._retention.raw_days
        wanted_ms = round(days * DAY_MS) if days else _FOR_EVER_MS
        flag = f"-retentionPeriod={days:g}d" if days else "-retentionPeriod=100y"
        if keeps_ms is None:
            return Remark("warn", "it does not say how long it keeps readings", f"start it with {flag}")
        if keeps_ms < wanted_ms:
            said = f"it keeps readings for {keeps_ms / DAY_MS:g} days, keep_raw_days = {days:g}"
            return Remark("warn", said, f"start it with {flag}, or change keep_raw_days")
        kept = f"{keeps_ms / DAY_MS:g} days" if keeps_ms < _FOR_EVER_MS else "everything"
        return Remark("ok", f"it keeps {kept}, keep_raw_days = {days:g}")

    async def fix(self) -> list[Remark]:
        """Return nothing: its flags are given where it is started, and `look` says which."""
        return []


def _of_proxy() -> list[Remark]:
    """Return what is said of a server whose own figures are hidden: a proxy before a cluster, mostly."""
    said = f"a proxy answers for it (a cluster behind vmauth?): whether its storage nodes run with {_DEDUP}, and how long they keep, is not"
    return [Remark("warn", f"{said} seen from here", f"start vmselect and vmstorage with {_DEDUP}; see docs/operating.md")]
