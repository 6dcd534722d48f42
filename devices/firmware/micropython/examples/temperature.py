"""A temperature node: a reading every ten seconds, kept in flash while the hub cannot be reached.

Copy it as main.py beside tributary.py, and fill in the four lines below. The sensor here is the chip's own; put yours in its place.
"""

import asyncio

import tributary

URL = "ws://192.168.1.10:8080"
NAME, TOKEN = "shed", "the token that `tributary device add shed` printed"
WIFI = ("network", "password")


def join_wifi():
    """Join the network; only boards have one to join."""
    try:
        import network
    except ImportError:
        return
    station = network.WLAN(network.STA_IF)
    station.active(True)
    if not station.isconnected():
        station.connect(*WIFI)  # it goes on trying by itself; until then readings wait in flash


def temperature():
    """Return degrees Celsius."""
    try:
        import esp32
    except ImportError:
        return 21.5
    return esp32.mcu_temperature()


async def main():
    """Measure for ever."""
    join_wifi()
    device = tributary.Device(
        URL,
        NAME,
        TOKEN,
        [("temperature", "Cel", "gauge")],
        spool="/spool",
        spool_bytes=256 * 1024,
        interval_s=10,
        write_behind_ms=5000,
    )
    talking = asyncio.create_task(device.run())
    while not talking.done():
        device.send({"temperature": temperature()})
        await asyncio.sleep(10)
    await talking  # raises Refused where somebody has to act


if __name__ == "__main__":
    asyncio.run(main())
