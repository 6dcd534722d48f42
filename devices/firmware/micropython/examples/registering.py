"""A board that registers itself: one image for a whole series, which has a provisioning key and no token.

Copy it as main.py beside tributary.py, and fill in the three lines below. At its first start it asks the hub for its token and keeps it in
flash; from then on the key is of no use to it. `tributary provisioning add boards --prefix board-` printed the key.
"""

import asyncio

import tributary

URL = "ws://192.168.1.10:8080"
KEY = "the key that `tributary provisioning add` printed"
WIFI = ("network", "password")


def own_name():
    """Return a name that no other board has."""
    try:
        from machine import unique_id
    except ImportError:
        return "board-0"
    return "board-" + "".join("%02x" % byte for byte in unique_id())


def join_wifi():
    """Join the network; only boards have one to join."""
    try:
        import network
    except ImportError:
        return
    station = network.WLAN(network.STA_IF)
    station.active(True)
    if not station.isconnected():
        station.connect(*WIFI)  # it goes on trying by itself; so does register


async def main():
    """Come to a token, then measure for ever."""
    join_wifi()
    name = own_name()
    token = await tributary.register(URL, name, KEY, "/spool")
    device = tributary.Device(URL, name, token, [("memory", "By", "gauge")], spool="/spool", interval_s=10)
    talking = asyncio.create_task(device.run())
    while not talking.done():
        device.send({"memory": free_bytes()})
        await asyncio.sleep(10)
    await talking  # raises Refused where somebody has to act


def free_bytes():
    """Return what is left of the heap."""
    import gc

    return gc.mem_free() if hasattr(gc, "mem_free") else 0


if __name__ == "__main__":
    asyncio.run(main())
