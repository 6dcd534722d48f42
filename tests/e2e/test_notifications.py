"""An alert is told by webhook, once, although its receiver was down, and although the hub was killed meanwhile.

How long the receiver is down is TRIBUTARY_TEST_DOWN_S: `make notify-test` says a minute.
"""

import os
from pathlib import Path

import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel
from hub.client import HubClient, rules, targets
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.receiver import Receiver, running
from tests.support.waiting import until

DOWN_S = float(os.environ.get("TRIBUTARY_TEST_DOWN_S", "2"))
ALLOW = {"TRIBUTARY_WEBHOOK_ALLOW": "127.0.0.1"}
HOT = {"kind": "above", "channels": ["temp"], "limit": 80}


async def opens_an_alert(hub: RunningHub, receiver: Receiver) -> tuple[str, str]:
    """Have a reading break a rule; return the target's secret and the alert's id. It is raised soon, also on a busy machine."""
    async with HubClient(hub.url, hub.admin_token) as client:
        secret = (await targets.put_target(client, "on-call", {"kind": "webhook", "url": receiver.url}))["secret"]
        await rules.put_rule(client, "hot", HOT)
        token = await client.add_device("pump")
        async with Device(client.url, "pump", token, channels=[Channel("temp", "Cel")]) as pump, client.live() as live:
            began_s = trio.current_time()
            await pump.send({"temp": 81.0})
            while (message := await live.receive())["op"] != "alerts" or not message["items"]:
                pass
            print(f"raised {1_000 * (trio.current_time() - began_s):.0f} ms after the reading was sent")
            assert trio.current_time() - began_s < 5
            return secret, message["items"][0]["id"]


async def log_of(hub: RunningHub) -> list[tuple[str, str]]:
    """Return state and event of each delivery."""
    async with HubClient(hub.url, hub.admin_token) as client:
        return [(each["state"], each["event"]) async for each in targets.deliveries(client)]


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_webhook_arrives_once_after_its_receiver_was_down(tmp_path: Path, is_killed: bool) -> None:
    receiver = Receiver(port=free_port())
    with running_hub(tmp_path / "data", environment=ALLOW) as hub:
        with trio.fail_after(10):
            secret, alert = await opens_an_alert(hub, receiver)
        down_at_s = trio.current_time()
        if is_killed:
            hub.process.kill()
            hub.process.start()
        await trio.sleep_until(down_at_s + DOWN_S)
        async with running(receiver):
            began_s = trio.current_time()
            await until(lambda: receiver.taken, DOWN_S + 10)  # pauses double: none is longer than the time before it
            print(f"arrived {trio.current_time() - began_s:.1f} s after the receiver was back from {DOWN_S:g} s")
            with trio.fail_after(10):
                while await log_of(hub) != [("delivered", "alert.opened")]:  # noqa: ASYNC110
                    await trio.sleep(0.02)
            hub.process.kill()
            hub.process.start()  # and has nothing to tell
            assert await log_of(hub) == [("delivered", "alert.opened")]
            assert [content["alert"]["id"] for content in receiver.taken] == [alert]
            assert receiver.is_signed(0, secret)
