"""VictoriaMetrics behind the HistoryStore port."""

from hub.store.victoriametrics.store import VictoriaMetricsStore

__all__ = ["VictoriaMetricsStore"]
