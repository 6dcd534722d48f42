"""Of many small channel lists, and of few large ones, what was made of them is made once."""

from devices.wire.channel_lists import remembered, weight
from devices.wire.messages import Channel


def listed(number: int, count: int) -> tuple[Channel, ...]:
    return tuple(Channel(f"c{number}-{at}") for at in range(count))


def test_what_is_made_of_large_lists_is_soon_forgotten() -> None:
    made: list[int] = []

    @remembered
    def size(channels: tuple[Channel, ...], more: int) -> int:
        made.append(len(channels))
        return len(channels) + more

    for _ in range(2):
        assert [size(listed(number, 6), 1) for number in range(200)] == [7] * 200
    assert len(made) == 200
    large = [listed(number, 1_000) for number in range(17)]
    assert [size(each, 0) for each in (*large, large[16], large[0])] == [1_000] * 19
    assert len(made) == 200 + 18  # the first was forgotten
    assert [size(listed(number, 6), 1) for number in range(200)] == [7] * 200
    assert len(made) == 200 + 18


def test_texts_of_states_weigh_as_channels_do() -> None:
    assert weight((Channel("temp"), Channel("mode", values=("on", "off")))) == 4
