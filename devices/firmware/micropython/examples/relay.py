"""A relay: switched by a command or by its shadow, and what it is in fact is reported.

Copy it as main.py beside tributary.py. What is desired of it outlives reboots of the board and of the hub.
"""

import asyncio

import tributary

URL = "ws://192.168.1.10:8080"
NAME, TOKEN = "pump", "the token that `tributary device add pump` printed"


class Relay:
    """A pin, or on a machine without pins the memory of one."""

    def __init__(self, number):
        try:
            from machine import Pin

            self._pin = Pin(number, Pin.OUT)
        except ImportError:
            self._pin = None
        self.is_on = False

    def switch(self, is_on):
        """Switch it."""
        self.is_on = is_on
        if self._pin is not None:
            self._pin.value(1 if is_on else 0)


relay = Relay(5)
device = tributary.Device(URL, NAME, TOKEN, [("on", "", "state")], spool="/spool")


def switch(is_on):
    """Switch it, and tell."""
    relay.switch(is_on)
    device.send({"on": is_on})


@device.command("pulse", "on for some seconds, then off", s={"type": "number", "min": 0.1, "max": 3600})
async def pulse(job, s):
    """Be on for so long; cancelled, it is off at once."""
    switch(True)
    try:
        for tenth in range(10):
            await asyncio.sleep(s / 10)
            job.progress((tenth + 1) / 10)
    finally:
        switch(False)
    device.report({"pulses": device.reported.get("pulses", 0) + 1})


@device.on_desired
def apply(document, delta):
    """Be as desired: {"on": true}. Called again at each start, so it must bear that."""
    switch(bool(document.get("on")))
    return {"on": relay.is_on}


if __name__ == "__main__":
    asyncio.run(device.run())
