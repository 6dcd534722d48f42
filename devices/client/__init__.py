"""The device client: one object that keeps readings until the hub has them, and takes commands.

Owns the public names; device.py is the object, courier.py the loop of connections, connection.py one of them, websocket.py the
way to the hub, provisioning.py how a device comes to a token by itself.
"""

from devices.client.device import Device
from devices.client.provisioning import kept_token, register
from devices.client.statistics import Statistics
from devices.client.websocket import DeviceRefused, Unreachable, device_url, open_websocket

__all__ = ["Device", "DeviceRefused", "Statistics", "Unreachable", "device_url", "kept_token", "open_websocket", "register"]
