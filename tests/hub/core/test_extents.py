"""Where the channels of epochs lie; what is remembered of them between batches stays small."""

from devices.wire.messages import Channel, Kind
from hub.core.extents import Extents


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
