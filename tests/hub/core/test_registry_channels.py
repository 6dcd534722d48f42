"""What is kept of a hello, and that it stays bounded however often a device changes its mind."""

from typing import Any

from devices.wire.messages import Channel, Hello, Kind
from hub.core.registry_channels import MAX_CHANGES, MAX_GONE, described
from hub.core.registry_series import SeriesBound


def hello(*channels: Channel) -> Hello:
    return Hello("pump", 7, channels)


def test_a_changed_kind_is_a_new_version_and_a_changed_range_is_none() -> None:
    first = described(hello(Channel("temp", "Cel")), {}, 1, SeriesBound())
    assert described(hello(Channel("temp", "Cel", min=0.0, max=9.0)), first, 2, SeriesBound()).keys() == first.keys()
    changed = described(hello(Channel("temp", "Cel", Kind.COUNTER)), first, 3, SeriesBound())
    assert changed["channel_versions"] == {"temp": 2}
    assert changed["channel_changes"][0]["at_us"] == 3


def test_changes_and_gone_channels_are_bounded() -> None:
    kept: dict[str, Any] = {}
    for number in range(MAX_CHANGES * 3):
        kept = described(hello(Channel("temp", f"u{number}")), kept, number, SeriesBound())
    assert kept["channel_versions"] == {"temp": MAX_CHANGES * 3}
    assert [change["version"] for change in kept["channel_changes"]][-1] == MAX_CHANGES * 3
    assert len(kept["channel_changes"]) == MAX_CHANGES
    for number in range(MAX_GONE * 2):
        kept = described(hello(Channel(f"c{number}", "m")), kept, number, SeriesBound())
    assert len(kept["gone_channels"]) == MAX_GONE
    assert "channel_versions" not in kept  # of a channel that nobody remembers
