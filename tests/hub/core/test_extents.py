"""Where the channels of epochs lie; what is remembered of them between batches stays small."""

from devices.wire.messages import Channel, Kind
from hub.core.extents import MAX_WEIGHT, Extents, Remembered


def test_the_series_of_an_epoch_are_made_once_but_where_its_list_has_many_texts() -> None:
    few = (Channel("mode", kind=Kind.STATE, values=("on", "off")),)
    many = (Channel("mode", kind=Kind.STATE, values=tuple(map(str, range(200)))),)

    def batch(channels: tuple[Channel, ...]) -> Extents:
        extents = Extents(lambda device, epoch: channels)
        assert extents.of("pump", 1) == (0, 1)
        return extents

    assert batch(few).series[0] is batch(few).series[0]
    assert batch(many).series[0] is not batch(many).series[0]
    assert batch(many).series == batch(few).series


def test_a_device_that_opens_epoch_after_epoch_makes_no_more_be_remembered_than_the_bound() -> None:
    remembered = Remembered()
    lists = [tuple(Channel(f"{epoch}-{number}") for number in range(64)) for epoch in range(MAX_WEIGHT // 64 + 10)]
    for channels in lists:
        remembered.series_of("pump", channels)
        assert remembered.weight <= MAX_WEIGHT
    newest = lists[-1]
    assert remembered.series_of("pump", newest) is remembered.series_of("pump", newest)
    assert remembered.series_of("pump", lists[0]) == remembered.series_of("pump", lists[0])
    assert [series.channel for series in remembered.series_of("tank", newest)] == [channel.name for channel in newest]
