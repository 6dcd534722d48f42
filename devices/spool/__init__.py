"""The durable spool of a device: frames kept until the hub has acked them, and the ids of commands it has begun.

Owns the public names; records.py is what is kept, tables.py the file, folder.py opening and locking it, spool.py the rules.
devices.client is the only caller.
"""

from devices.spool.folder import SpoolInUse, open_spool
from devices.spool.records import CommandEntry, Draft, ShadowEntry, SpooledEpoch, SpooledFrame
from devices.spool.spool import Spool

__all__ = ["CommandEntry", "Draft", "ShadowEntry", "Spool", "SpoolInUse", "SpooledEpoch", "SpooledFrame", "open_spool"]
