"""A device as a process: it writes down what it applies; told to die, it is killed between that and its report."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import trio

from devices import Channel, Device
from tests.support.chance import Eager


async def main(url: str, token: str, folder: Path, mode: str) -> None:
    device = Device(url, "pump", token, channels=[Channel("temp", "Cel")], spool_dir=folder / "spool", rng=Eager())

    @device.on_desired
    def apply(document: dict[str, Any], delta: dict[str, Any]) -> None:
        with (folder / "applied").open("a") as applied:
            applied.write(json.dumps(document) + "\n")
        if mode == "die":
            os.kill(os.getpid(), signal.SIGKILL)

    async with device:
        await trio.sleep_forever()


trio.run(main, sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
