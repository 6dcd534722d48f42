"""The subscriber of the usual stack: paho-mqtt takes what the broker has, influxdb-client writes it to the database once a second.

Owns the way from a message to lines. It acks when it has a message in memory, as such programs do. A program (answering.py): answers each
command with how many messages it has received and written.
"""

import queue
import threading
from typing import Any, Final

import msgpack
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from simulators.bench.answering import heard, run_program, say

WRITE_EVERY_S: Final = 1.0
MAX_LINES: Final = 5_000  # in one request, as influxdb-client's guide advises


class MqttWriter:
    """What came and was not written yet."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.lines: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
        self.received = self.written = 0
        self.is_ended = threading.Event()
        self.database = InfluxDBClient(plan["database"], "", org="-")
        self.broker = Client(CallbackAPIVersion.VERSION2, client_id="writer", clean_session=False)
        self.broker.on_message = self._on_message
        self.broker.connect("127.0.0.1", plan["port"])
        self.broker.subscribe("devices/+/data", qos=1)

    def _on_message(self, _client: Client, _state: object, message: MQTTMessage) -> None:
        device, frame = message.topic.split("/")[1], msgpack.unpackb(message.payload)
        time_us = frame["t"]
        self.lines.put(
            tuple(
                f"readings,channel=c{channel},device={device} num={value} {(time_us + step_us) * 1_000}"
                for channel, step_us, value in zip(frame["c"], frame["d"], frame["v"], strict=True)
            )
        )
        self.received += 1

    def write_all(self) -> None:
        """Write what came, once a second, until the program ends."""
        with self.database.write_api(SYNCHRONOUS) as writer:
            while not self.is_ended.wait(WRITE_EVERY_S):
                messages = [self.lines.get() for _ in range(self.lines.qsize())]
                lines = [line for message in messages for line in message]
                for at in range(0, len(lines), MAX_LINES):
                    writer.write("readings", "-", "\n".join(lines[at : at + MAX_LINES]).encode())
                self.written += len(messages)


def run(plan: dict[str, Any]) -> None:
    """Take and write until told to quit."""
    writer = MqttWriter(plan)
    writer.broker.loop_start()
    thread = threading.Thread(target=writer.write_all)
    thread.start()
    say({"port": 0})
    while (command := heard()) != "":
        say({"received": writer.received, "written": writer.written})
        if command == "quit":
            break
    writer.is_ended.set()
    thread.join()
    writer.broker.loop_stop()


if __name__ == "__main__":
    run_program(run)
