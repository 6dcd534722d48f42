"""What a device says, and the client it says it with; installs and runs without the hub."""

from devices.client import Device, DeviceRefused, Statistics
from devices.spool import SpoolInUse
from devices.wire.messages import Channel, CommandSpec, Kind, Reject

__all__ = ["Channel", "CommandSpec", "Device", "DeviceRefused", "Kind", "Reject", "SpoolInUse", "Statistics"]
