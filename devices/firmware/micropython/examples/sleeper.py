"""A sleeper: wake, measure, connect, send what waits, take commands, sleep ten minutes. The hub shows it as sleeping, not as gone.

Copy it as main.py beside tributary.py. It connects each sixth time only: readings wait in flash until then. That needs a clock that goes on
in deep sleep (an ESP32's does); a board without one should connect each time, so that the hub's time dates its readings.
"""

import asyncio

import tributary

URL = "ws://192.168.1.10:8080"
NAME, TOKEN = "meadow", "the token that `tributary device add meadow` printed"
SLEEP_S = 600
CONNECT_EACH = 6


def set_clock(hub_us):
    """Set the board's clock by the hub's."""
    try:
        import time

        import machine
    except ImportError:
        return
    seconds = hub_us // 1000000 - (946684800 if time.gmtime(0)[0] == 2000 else 0)
    year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def sleep():
    """Sleep deeply; the program begins anew after it. A machine without deep sleep ends here."""
    try:
        from machine import deepsleep
    except ImportError:
        return
    deepsleep(SLEEP_S * 1000)


async def main():
    """Live for one waking."""
    device = tributary.Device(
        URL,
        NAME,
        TOKEN,
        [("moisture", "%", "gauge"), ("battery", "V", "gauge")],
        spool="/spool",
        interval_s=SLEEP_S,
        sleep_s=SLEEP_S * CONNECT_EACH,
        clock=tributary.wall_clock,
    )

    @device.command("water", s={"type": "number", "min": 1, "max": 60})
    async def water(job, s):
        """The visit waits for its end."""
        await asyncio.sleep(s)

    device.send({"moisture": 41.5, "battery": 3.7})
    is_dated = tributary.wall_clock() is not None
    if not is_dated or device.spool.waiting_frames() >= CONNECT_EACH:
        try:
            await device.visit(listen_ms=500, timeout_ms=20000)
        except tributary.Refused as refused:
            print(refused)  # somebody has to act; it goes on measuring until then
        if not is_dated and device.hub_time_us() is not None:
            set_clock(device.hub_time_us())
    device.close()


if __name__ == "__main__":
    asyncio.run(main())
    sleep()
