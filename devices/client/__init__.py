"""The device client: one object that keeps readings until the hub has them, and takes commands.

Owns the public names; device.py is the object, courier.py the loop of connections, connection.py one of them, websocket.py the
way to the hub, provisioning.py how a device comes to a token by itself.
"""

from devices.client.device import Device
from devices.client.opening import DeviceRefused, Unreachable, device_url
from devices.client.provisioning import kept_token, register
from devices.client.statistics import Statistics
from devices.client.ways import Way
from devices.client.websocket import open_websocket

__all__ = ["Device", "DeviceRefused", "Statistics", "Unreachable", "Way", "device_url", "kept_token", "open_websocket", "register"]
