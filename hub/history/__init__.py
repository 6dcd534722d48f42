"""The history's side of the hub: the writer that brings the journal into the store, what cannot be stored, how the store is.

Owns the follower of the history store, its parked readings, its upkeep and its health; knows no adapter. Put together by main.py.
"""

from hub.history.parked import Parked
from hub.history.side import HistorySide
from hub.history.writer import HistoryWriter

__all__ = ["HistorySide", "HistoryWriter", "Parked"]
