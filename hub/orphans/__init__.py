"""Journals whose node is gone for good: found below a data directory, gone through to their end, removed.

Owns what becomes of them; the parts that go through a journal are those of every hub. Made and run by main.py, on a node of a cluster.
"""

from hub.orphans.adopting import Orphans, make_orphans

__all__ = ["Orphans", "make_orphans"]
