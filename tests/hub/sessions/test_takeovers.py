"""Two programs with one token: the newest wins, until it is clear that there are two."""

from pathlib import Path

from structlog.testing import capture_logs

from devices.wire.limits import CloseCode
from devices.wire.session import ProtocolError
from hub.sessions.takeovers import HEARD_S, LOCK_S, MAX_TAKEOVERS, WITHIN_S, Takeovers
from tests.support.ingest_hub import DeviceEnd, ingest_hub

REMOTES = ("192.0.2.1:1", "192.0.2.2:1")


def takes(takeovers: Takeovers, now_s: float, silent_s: float = 0.0, device: str = "pump") -> bool:
    try:
        takeovers.check(device, silent_s, REMOTES, now_s)
    except ProtocolError as error:
        return error.code is not CloseCode.CONTESTED
    return True


def test_more_than_five_takeovers_in_a_minute_lock_the_device_for_a_minute() -> None:
    takeovers = Takeovers()
    assert [takes(takeovers, 100.0 + at) for at in range(7)] == [True] * MAX_TAKEOVERS + [False] * 2
    assert takes(takeovers, 105.0, device="another")
    assert not takes(takeovers, 105.0 + LOCK_S - 0.1)
    assert takes(takeovers, 105.0 + LOCK_S)


def test_takeovers_of_dead_connections_and_seldom_ones_lock_nothing() -> None:
    takeovers = Takeovers()
    assert all(takes(takeovers, 100.0 + at, silent_s=HEARD_S + 0.1) for at in range(50))
    assert all(takes(takeovers, 1_000.0 + at * WITHIN_S / MAX_TAKEOVERS) for at in range(50))


async def test_of_two_programs_with_one_token_the_connected_one_stays_and_no_frame_is_lost_or_doubled(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        with capture_logs() as logs:
            connected: list[DeviceEnd] = []
            for at in range(MAX_TAKEOVERS + 2):
                end = await hub.connect("pump")
                if at <= MAX_TAKEOVERS:
                    await end.hello(at + 1)
                    await end.data(at + 1, 1, [float(at)])
                    await end.is_acked(at + 1, 1)
                    connected.append(end)
                else:
                    await end.say({"op": "hello", "device": "pump", "epoch": at + 1, "unfinished": [], "channels": []})
                    code, bye = await end.is_closed()
                    assert (code, bye["retry_s"]) == (CloseCode.CONTESTED, 60.0)
            for older in connected[:-1]:
                assert (await older.is_closed())[0] == CloseCode.TAKEN_OVER
            await connected[-1].data(MAX_TAKEOVERS + 1, 2, [9.0])
            await connected[-1].is_acked(MAX_TAKEOVERS + 1, 2)
        assert [log["event"] for log in logs if log["log_level"] == "warning"] == ["device_flapping", "device_contested"]
        assert [(row.epoch, row.seq) for row in await hub.journal.read(0)] == [(at + 1, 1) for at in range(MAX_TAKEOVERS + 1)] + [
            (MAX_TAKEOVERS + 1, 2)
        ]
