"""What the log says of devices, and how often."""

from structlog.testing import capture_logs
from trio.testing import MockClock

from devices.wire.limits import CloseCode
from hub.sessions.comings import Comings


async def test_coming_and_leaving_are_a_line_each() -> None:
    comings = Comings()
    with capture_logs() as logs:
        comings.came("pump", "10.0.0.9:4000", "v1")
        comings.left("pump", "10.0.0.9:4000", CloseCode.HEARTBEAT_LOST, "2 pings were not answered")
    came, left = logs
    assert came == {"event": "device_connected", "log_level": "info", "device": "pump", "remote": "10.0.0.9:4000", "firmware": "v1"}
    assert (left["event"], left["code"], left["why"]) == ("device_left", 4001, "heartbeat_lost")


async def test_a_device_that_may_not_come_back_by_itself_is_a_warning_now_and_then(autojump_clock: MockClock) -> None:
    comings = Comings()
    with capture_logs() as logs:
        for _ in range(10):
            comings.left("pump", "a", CloseCode.REVOKED, "the token was withdrawn")
            comings.left("fan", "a", CloseCode.WRONG_DEVICE, "the token is of pump")
    assert [(line["event"], line["log_level"], line["device"]) for line in logs] == [
        ("device_refused", "warning", "pump"),
        ("device_refused", "warning", "fan"),
    ]
    assert "tributary device token" in logs[0]["hint"]


async def test_a_device_that_has_no_room_is_a_warning_now_and_then(autojump_clock: MockClock) -> None:
    comings = Comings()
    with capture_logs() as logs:
        for _ in range(10):
            comings.left("pump", "a", CloseCode.NO_ROOM, "2 new series beside 6 are over max_series_per_device, 6")
    assert [(line["event"], line["log_level"], line["reason"][:12]) for line in logs] == [("device_refused", "warning", "2 new series")]


async def test_no_part_of_a_frame_is_told_and_no_flood_when_the_hub_stops() -> None:
    comings = Comings()
    with capture_logs() as logs:
        comings.left("pump", "a", CloseCode.BAD_FRAME, "bad_frame: v[0] is 's3cret'")
        comings.left("pump", "a", CloseCode.RESTART, "the hub is stopping")
    assert "s3cret" not in str(logs)
    assert [line["log_level"] for line in logs] == ["info", "debug"]
