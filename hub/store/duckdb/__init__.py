"""The history store on DuckDB, the embedded default: columnar, in one file, with its cursor in the same transaction as the readings.

Owns that file and its recovery. An adapter of hub.ports.HistoryStore, named in main.py only.
"""

from hub.store.duckdb.store import DuckDBStore

__all__ = ["DuckDBStore"]
