"""Tests of hub/bus/confluence.py: nodes in memory, and viewers that count every frame they are given."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest
import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.bus.ring import ROW_BYTES
from hub.core.drained import Drained
from hub.core.records import Row
from hub.ports import Frames
from tests.support.nodes import MemoryBus, MemoryNode

Frame = tuple[str, int, int]  # device, epoch, seq
Devices = frozenset[str] | None


def of(row: Row) -> Frame:
    return row.device, row.epoch, row.seq


def frames_of(rows: Sequence[Row], devices: Devices) -> set[Frame]:
    return {of(row) for row in rows if devices is None or row.device in devices}


class Cluster:
    """Nodes on one bus and one store."""

    def __init__(self, names: str = "ab", max_bytes: int = 1 << 30) -> None:
        self.bus = MemoryBus()
        self.nodes: list[MemoryNode] = []
        self.nodes = [MemoryNode(name, self.bus, lambda: self.nodes, max_bytes) for name in names]
        self._homes = {f"{kind}-{node.name}": node for node in self.nodes for kind in ("pump", "fan")}
        self._seqs: Counter[str] = Counter()

    def commit(self, device: str, count: int = 1) -> None:
        """A device sends frames to the node where it is."""
        if self._homes[device].is_up:
            self._seqs[device] += count
            self._commit(device, count)

    def move(self, device: str, again: int) -> None:
        """A device goes to another node, and sends what it was not told is safe again, which it is."""
        others = [node for node in self.nodes if node is not self._homes[device] and node.is_up]
        if others:
            self._homes[device] = others[0]
            self._commit(device, min(again, self._seqs[device]))

    def _commit(self, device: str, count: int) -> None:
        journal, last = self._homes[device].journal, self._seqs[device]
        mark = max((row.seq for row in journal.rows if row.device == device), default=0)  # what it has it does not take again
        journal.commit(*[(device, 7, seq) for seq in range(max(mark, last - count) + 1, last + 1)])

    def stored(self, devices: Devices = None) -> set[Frame]:
        return frames_of([row for node in self.nodes for row in node.journal.rows[: node.stored]], devices)

    def committed(self, devices: Devices = None) -> set[Frame]:
        return frames_of([row for node in self.nodes for row in node.journal.rows], devices)


class Viewer:
    """Counts frames as buckets do: those of the store and those joined with it by their keys, what comes later one by one.

    What is sent after it came back replaces what it held, as a bucket does.
    """

    def __init__(self, cluster: Cluster, devices: Devices = None) -> None:
        self.cluster, self.devices = cluster, devices
        self.held: set[Frame] = set()
        self.sent: Counter[Frame] = Counter()
        self.snapshots = 0
        self.marks: dict[str, int] | None = None
        self.node: MemoryNode
        self._is_wanted = True
        self._place = 0
        self._life = 0
        self._painted_s = float("-inf")
        self._last: list[tuple[int, Frame]] = []  # that came one by one, by place

    @property
    def seen(self) -> Counter[Frame]:
        return Counter(dict.fromkeys(self.held - self.sent.keys(), 1)) + self.sent

    async def sit_at(self, node: MemoryNode) -> None:
        """Begin, or go on, at a node."""
        self.leave()
        self.node, self._life, self._is_wanted = node, self._life + 1, True
        life, confluence = self._life, node.confluence
        confluence.on_rewound(lambda devices, since_s: self._rewound(life, devices, since_s))
        confluence.on_commit(lambda rows: self._come(life, rows))
        await self._begin()

    def leave(self) -> None:
        """Watch nothing any more."""
        self._life += 1
        if hasattr(self, "node"):
            self.node.watching.pop(self, None)

    async def turn_to(self, devices: Devices) -> None:
        """Watch something else, at the same node."""
        self.devices, self.marks, self.held, self.sent = devices, None, set(), Counter()
        await self.sit_at(self.node)

    def forget(self, count: int) -> None:
        """Lose what came last, as one does who had drawn no more of it; a viewer that forgets everything has no cursor."""
        if count > len(self._last):
            self.marks = None
        elif count:
            lost = {frame for _, frame in self._last[-count:]}
            self.marks = dict(self.node.confluence.marks_at(self._last[-count][0] - 1))
            self.held, self.sent = set(self.seen) - lost, Counter()

    async def _begin(self) -> None:
        confluence = self.node.confluence
        while True:
            await confluence.ready(self.devices)
            turn = confluence.turn
            place = None if self.marks is None else confluence.place_of(self.marks, self.devices)
            if place is None:
                held, sent, place = set[Frame](), *await self._snapshot()
            else:
                held, sent = set(self.seen), Counter[Frame]()
            rows = []
            while place < confluence.position:
                rows += await confluence.read(place)
                place = rows[-1].position
            sent |= Counter(dict.fromkeys(frames_of(rows, self.devices), 1))
            if confluence.turn == turn:
                break
        self.held, self.sent, self._place, self._is_wanted, self._last = held, sent, place, False, []
        self.marks, self._painted_s = dict(confluence.marks_at(place)), trio.current_time()
        self.node.watching[self] = self.devices

    async def _snapshot(self) -> tuple[Counter[Frame], int]:
        self.snapshots += 1
        asked_s = trio.current_time()
        seen, answer = Counter(dict.fromkeys(self.cluster.stored(self.devices), 1)), self.node.answer()
        await self.node.confluence.upto()
        stored = self.node.confluence.stored_to(answer, asked_s)
        assert stored.missing_us is stored.lacking_us is None
        return seen, stored.place

    def _rewound(self, life: int, devices: Collection[str] | None, since_s: float) -> None:
        is_meant = devices is None or self.devices is None or not self.devices.isdisjoint(devices)
        if life == self._life and is_meant and since_s <= self._painted_s:
            self._is_wanted, self.marks = True, None

    def _come(self, life: int, rows: Sequence[Row]) -> None:
        if life == self._life and not self._is_wanted:
            assert rows[0].position == self._place + 1
            self._place = rows[-1].position
            meant = [row for row in rows if self.devices is None or row.device in self.devices]
            self.sent.update(map(of, meant))
            self._last += [(row.position, of(row)) for row in meant]
            self.marks = dict(self.node.confluence.marks_at(self._place))

    async def look(self) -> None:
        """Begin anew where that is wanted."""
        if self._is_wanted:
            await self._begin()


COMMIT = st.tuples(st.just("commit"), st.integers(0, 1), st.integers(1, 5))
STEP = st.one_of(
    COMMIT,
    COMMIT,
    st.tuples(st.just("move"), st.integers(0, 1), st.integers(0, 3)),
    st.tuples(st.just("write"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("forget"), st.integers(0, 1), st.integers(0, 7)),
    st.tuples(st.sampled_from(["write", "cut", "heal", "restart", "kill"]), st.integers(0, 1), st.just(0)),
    st.tuples(st.sampled_from(["lose", "deliver"]), st.just(0), st.just(0)),
    st.tuples(st.sampled_from(["slow", "quick"]), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("sit"), st.integers(0, 1), st.integers(0, 2)),
    st.tuples(st.just("look"), st.just(0), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.just(0), st.integers(1, 5)),
    st.tuples(st.just("turn"), st.integers(0, 3), st.integers(0, 2)),
)
DEVICES: tuple[Devices, ...] = (None, frozenset(["pump-a"]), frozenset(["pump-b"]), frozenset(["pump-a", "pump-b"]))


async def play(steps: Sequence[tuple[str, int, int]]) -> None:
    cluster = Cluster()
    viewers = [Viewer(cluster, devices) for devices in (DEVICES[2], DEVICES[1], None)]
    async with trio.open_nursery() as nursery:
        for node in cluster.nodes:
            await node.start(nursery)
        for viewer in viewers:
            await viewer.sit_at(cluster.nodes[0])
        for what, which, number in steps:
            if what == "turn":
                await viewers[number].turn_to(DEVICES[which])
            else:
                await take_step(cluster, viewers, nursery, (what, cluster.nodes[which], number))
        cluster.bus.loses = False
        for node in cluster.nodes:
            node.is_cut, node.answer_s = False, 0.0
            if not node.is_up:
                await node.start(nursery)
        await trio.sleep(15)
        for viewer in viewers:
            await viewer.look()
        await trio.sleep(2)
        for viewer in viewers:
            assert viewer.seen == Counter(dict.fromkeys(cluster.committed(viewer.devices), 1))
        nursery.cancel_scope.cancel()


async def take_step(cluster: Cluster, viewers: list[Viewer], nursery: trio.Nursery, step: tuple[str, MemoryNode, int]) -> None:
    what, node, number = step
    match what:
        case "commit":
            cluster.commit(f"pump-{node.name}", number)
        case "move":
            cluster.move(f"pump-{node.name}", number)
        case "write" if node.is_up:
            node.write()
        case "cut" | "heal":
            node.is_cut = what == "cut"
        case "slow" | "quick":
            node.answer_s = 5.0 if what == "slow" else 0.0
        case "lose" | "deliver":
            cluster.bus.loses = what == "lose"
        case "kill" | "restart":
            if node.is_up:
                node.kill()
            if what == "restart":
                await node.start(nursery)
            other = next(each for each in cluster.nodes if each is not node)
            if not other.is_up:
                await other.start(nursery)
            for viewer in viewers:
                if viewer.node is node:
                    await viewer.sit_at(other)
        case "forget" if node.is_up:
            viewers[0].forget(number)
            await viewers[0].sit_at(node)
        case "sit" if node.is_up:
            await viewers[number].sit_at(node)
        case "look":
            await viewers[number].look()
        case "wait":
            await trio.sleep(number)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=25))
@example([("commit", 0, 1), ("write", 0, 0), ("forget", 1, 0), ("slow", 0, 0), ("turn", 0, 0)])  # wanted no more while it is painted
def test_every_viewer_is_given_every_frame_once_whatever_happens_between_two_nodes(steps: list[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("hub.bus.interest.KEPT_S", 4.0)  # so that devices are wanted no more, and again
        trio.run(play, steps, clock=trio.testing.MockClock(autojump_threshold=0))


async def begun(cluster: Cluster, nursery: trio.Nursery) -> Viewer:
    """Start the nodes, and a viewer at the first."""
    for node in cluster.nodes:
        await node.start(nursery)
    viewer = Viewer(cluster)
    await viewer.sit_at(cluster.nodes[0])
    return viewer


async def test_what_the_bus_loses_is_asked_for_at_once_when_the_next_of_it_comes(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster()
    async with trio.open_nursery() as nursery:
        viewer = await begun(cluster, nursery)
        cluster.commit("pump-b", 2)
        await trio.sleep(1.5)
        cluster.bus.loses = True
        cluster.commit("pump-b", 2)
        cluster.bus.loses = False
        cluster.commit("pump-b", 1)
        await trio.testing.wait_all_tasks_blocked()
        assert viewer.seen == Counter(dict.fromkeys(cluster.committed(), 1))
        assert trio.current_time() < 2
        nursery.cancel_scope.cancel()


async def of_two_devices(cluster: Cluster, nursery: trio.Nursery) -> Viewer:
    """Start the nodes, a viewer at the first who watches one of two devices of the second, and one at the third who watches the other."""
    for node in cluster.nodes:
        await node.start(nursery)
    await Viewer(cluster, frozenset(["fan-b"])).sit_at(cluster.nodes[0])
    other = Viewer(cluster, frozenset(["pump-b"]))
    await other.sit_at(cluster.nodes[2])
    return other


async def test_only_frames_of_devices_that_somebody_watches_are_published_and_the_others_come_when_somebody_does(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cluster = Cluster()
    async with trio.open_nursery() as nursery:
        for node in cluster.nodes:
            await node.start(nursery)
        fan = Viewer(cluster, frozenset(["fan-b"]))
        await fan.sit_at(cluster.nodes[0])
        cluster.commit("fan-b", 1)
        await trio.sleep(2)
        cluster.bus.published.clear()
        for _ in range(3):
            cluster.commit("pump-b", 2)
            cluster.commit("fan-b", 1)
        assert [[row.device for row in each.rows] for each in cluster.bus.published] == [["fan-b"]] * 3
        assert cluster.nodes[0].confluence.position == 4  # at once: what was left out is no gap
        begun_s = trio.current_time()
        pump = Viewer(cluster, frozenset(["pump-b"]))
        await pump.sit_at(cluster.nodes[0])
        assert trio.current_time() < begun_s + 0.1
        cluster.commit("pump-b", 1)
        await trio.sleep(2)
        for viewer in (fan, pump):
            assert viewer.seen == Counter(dict.fromkeys(cluster.committed(viewer.devices), 1))
            assert viewer.snapshots == 1
        pump.leave()
        await trio.sleep(50)
        cluster.commit("pump-b", 1)
        assert cluster.bus.published[-1].rows  # somebody may come back to it
        await trio.sleep(30)
        cluster.commit("pump-b", 1)
        assert cluster.bus.published[-1].rows[0].seq == 8
        nursery.cancel_scope.cancel()


async def test_frames_chosen_for_others_are_not_taken_for_all_that_is_wanted_here(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster()
    second = cluster.nodes[1]
    async with trio.open_nursery() as nursery:
        for node in cluster.nodes:
            await node.start(nursery)
        viewer = Viewer(cluster, frozenset(["pump-b"]))
        await viewer.sit_at(cluster.nodes[0])
        cluster.bus.loses = True
        cluster.commit("pump-b", 3)
        cluster.bus.loses = False
        # As a node says that has just started, and has heard of others' wishes only.
        cluster.bus.deliver(Frames(second.journal.id, 0, 3, 0, [], covers=frozenset(["0123456789abcdef"])))
        await trio.sleep(2)
        assert viewer.seen == Counter(dict.fromkeys(cluster.committed(), 1))
        nursery.cancel_scope.cancel()


async def test_who_is_shown_a_device_whose_node_does_not_answer_goes_on_elsewhere_with_what_was_missing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cluster = Cluster("abc")
    async with trio.open_nursery() as nursery:
        await of_two_devices(cluster, nursery)
        cluster.commit("pump-b", 3)
        cluster.commit("fan-b", 1)
        await trio.sleep(2)
        cluster.nodes[1].is_cut = True
        viewer = Viewer(cluster, frozenset(["pump-b"]))
        await viewer.sit_at(cluster.nodes[0])
        assert not viewer.seen
        await viewer.sit_at(cluster.nodes[2])
        assert viewer.seen == Counter(dict.fromkeys(cluster.committed(viewer.devices), 1))
        nursery.cancel_scope.cancel()


async def test_who_comes_from_elsewhere_with_a_cursor_older_than_what_is_here_of_its_device_begins_anew(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus.serving.BACK_ROWS", 2)
    cluster = Cluster("abc")
    async with trio.open_nursery() as nursery:
        viewer = await of_two_devices(cluster, nursery)
        cluster.commit("pump-b", 10)
        cluster.nodes[1].write()
        await trio.sleep(20)
        viewer.forget(7)
        await viewer.sit_at(cluster.nodes[0])
        assert viewer.seen == Counter(dict.fromkeys(cluster.committed(viewer.devices), 1))
        assert viewer.snapshots == 2
        nursery.cancel_scope.cancel()


async def test_who_was_shown_a_device_while_its_node_did_not_answer_is_given_no_frame_twice(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cluster = Cluster("abc")
    async with trio.open_nursery() as nursery:
        await of_two_devices(cluster, nursery)
        cluster.commit("pump-b", 3)
        await trio.sleep(2)
        cluster.nodes[1].is_cut = True
        cluster.nodes[1].write()
        viewer = Viewer(cluster, frozenset(["pump-b"]))
        await viewer.sit_at(cluster.nodes[0])
        cluster.nodes[1].is_cut = False
        await trio.sleep(2)
        await viewer.look()
        assert viewer.seen == Counter(dict.fromkeys(cluster.committed(viewer.devices), 1))
        nursery.cancel_scope.cancel()


async def test_an_answer_under_way_from_before_a_device_was_wanted_makes_nothing_sure_of_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cluster = Cluster("abc")
    async with trio.open_nursery() as nursery:
        await of_two_devices(cluster, nursery)
        cluster.commit("pump-b", 3)
        await trio.sleep(2)
        cluster.nodes[1].write()
        cluster.nodes[1].answer_s = 8.0
        await trio.sleep(2)
        viewer = Viewer(cluster, frozenset(["pump-b"]))
        await viewer.sit_at(cluster.nodes[0])  # with what the store has
        assert viewer.marks is not None
        assert viewer.marks["journal-b"] == -1
        while cluster.nodes[0].confluence.followings.by_journal["journal-b"].interest.devices == frozenset(["fan-b"]):
            assert dict(cluster.nodes[0].confluence.marks_at(viewer._place))["journal-b"] == -1
            await trio.sleep(0.1)
        await trio.sleep(40)
        await viewer.look()
        assert viewer.seen == Counter(dict.fromkeys(cluster.committed(viewer.devices), 1))
        nursery.cancel_scope.cancel()


async def test_who_is_shown_a_picture_while_answers_take_long_is_given_no_frame_twice(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster()
    async with trio.open_nursery() as nursery:
        viewer = await begun(cluster, nursery)
        cluster.commit("pump-b", 1)
        await trio.sleep(2)
        cluster.nodes[1].answer_s = 8.0
        cluster.bus.holds = True  # and so does Redis
        await trio.sleep(2)
        cluster.commit("pump-b", 3)
        cluster.nodes[1].write()
        late = Viewer(cluster)
        await late.sit_at(cluster.nodes[0])
        assert late.seen.total() == 4
        cluster.bus.holds = False
        cluster.commit("pump-b", 1)
        await trio.sleep(40)
        assert cluster.nodes[0].confluence.followings.stale() == []
        for each in (viewer, late):
            await each.look()
            assert each.seen == Counter(dict.fromkeys(cluster.committed(), 1))
        nursery.cancel_scope.cancel()


async def test_what_is_missing_of_a_device_that_the_store_is_far_behind_with_is_said(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus.serving.MAX_BACK_ROWS", 4)
    monkeypatch.setattr("hub.bus.serving.BACK_ROWS", 2)
    cluster = Cluster("abc")
    async with trio.open_nursery() as nursery:
        await of_two_devices(cluster, nursery)
        cluster.commit("pump-b", 10)
        confluence = cluster.nodes[0].confluence
        await confluence.ready(frozenset(["pump-b"]))
        stored = confluence.stored_to(cluster.nodes[0].answer(), trio.current_time())
        assert stored.missing_us is not None
        assert stored.missing_us[0] == 1_001
        nursery.cancel_scope.cancel()


async def test_nobody_is_asked_while_nobody_watches(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster()
    async with trio.open_nursery() as nursery:
        for node in cluster.nodes:
            await node.start(nursery)
        await trio.sleep(60)
        confluence = cluster.nodes[0].confluence
        assert confluence.statistics()["followed"] == 0
        await confluence.ready(None)
        assert confluence.statistics()["followed"] == 1
        await trio.sleep(70)
        assert confluence.statistics()["followed"] == 0
        nursery.cancel_scope.cancel()


async def test_a_node_that_does_not_answer_is_named_and_viewers_begin_anew_only_if_they_came_meanwhile(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cluster = Cluster()
    async with trio.open_nursery() as nursery:
        viewer = await begun(cluster, nursery)
        node, confluence = cluster.nodes[1], cluster.nodes[0].confluence
        node.is_cut = True
        await trio.sleep(10)
        assert [each.name for each in confluence.followings.stale()] == ["b"]
        node.is_cut = False
        await trio.sleep(2)
        assert (confluence.followings.stale(), confluence.turn) == ([], 0)
        node.is_cut = True
        await trio.sleep(10)
        late = Viewer(cluster)
        await late.sit_at(cluster.nodes[0])
        node.is_cut = False
        await trio.sleep(2)
        assert confluence.turn == 0  # it has nothing that was not here
        node.is_cut = True
        await trio.sleep(10)
        late = Viewer(cluster)
        await late.sit_at(cluster.nodes[0])
        cluster.commit("pump-b", 2)
        node.is_cut = False
        await trio.sleep(2)
        assert confluence.turn == 1
        for each in (viewer, late):
            await each.look()
        assert (viewer.snapshots, late.snapshots) == (1, 2)
        nursery.cancel_scope.cancel()


async def test_a_node_that_comes_while_somebody_watches_says_which_devices_may_be_shown_wrong(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cluster = Cluster()
    first, second = cluster.nodes
    told: list[tuple[object, float]] = []
    known = [first.link()][1:]
    first.knows = lambda: known
    async with trio.open_nursery() as nursery:
        await first.start(nursery)
        second.journal.commit(("pump-b", 7, 1), ("fan", 7, 1))
        viewer = Viewer(cluster)
        await viewer.sit_at(first)
        first.confluence.on_rewound(lambda devices, since_s: told.append((devices, since_s)))
        await second.start(nursery)
        known.append(second.link())
        await trio.sleep(2)
        assert told == [({"pump-b", "fan"}, float("-inf"))]
        nursery.cancel_scope.cancel()


async def test_another_hub_at_the_address_of_a_node_counts_as_no_answer_and_harms_nobody(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster("abc")
    first, second, third = cluster.nodes
    wrong = third.link()
    wrong.journal = second.journal.id
    first.knows = lambda: [wrong]
    async with trio.open_nursery() as nursery:
        await begun(cluster, nursery)
        cluster.commit("pump-c", 3)
        await trio.sleep(10)
        assert [each.name for each in first.confluence.followings.stale()] == ["c"]
        assert first.confluence.position == 0
        nursery.cancel_scope.cancel()


async def test_a_dead_node_with_frames_that_are_nowhere_holds_nothing_back_for_ever(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus.stored.HELD_ROWS", 20)
    cluster = Cluster(max_bytes=50 * ROW_BYTES)
    first, second = cluster.nodes
    told: list[int] = []
    async with trio.open_nursery() as nursery:
        viewer = await begun(cluster, nursery)
        first.confluence.on_stored(told.append)
        cluster.commit("pump-b", 3)
        await trio.sleep(2)
        second.kill()  # and never comes back
        first.knows = list
        for _ in range(30):
            cluster.commit("pump-a", 1)
            first.write()
        await trio.sleep(5)
        confluence = first.confluence
        stored = confluence.stored_to(first.answer(), trio.current_time())
        assert (stored.place, stored.missing_us, stored.lacking_us) == (33, None, (1_001, 1_003))
        assert told[-1] == 33
        for _ in range(100):
            cluster.commit("pump-a", 1)
            first.write()
        stored = confluence.stored_to(first.answer(), trio.current_time())  # they have left the ring
        assert (stored.place, stored.missing_us, stored.lacking_us) == (133, None, (1_001, 1_003))
        await trio.sleep(1_000)
        stored = confluence.stored_to(first.answer(), trio.current_time())
        assert (stored.place, stored.missing_us, stored.lacking_us) == (133, None, None)
        assert confluence.marks_at(133).keys() == {first.journal.id}  # nor do cursors name it any more
        assert viewer.snapshots == 1
        nursery.cancel_scope.cancel()


async def test_a_node_that_lacked_frames_gives_everybody_a_new_picture_when_it_is_back(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus.stored.HELD_ROWS", 2)
    cluster = Cluster()
    first, second = cluster.nodes
    async with trio.open_nursery() as nursery:
        await begun(cluster, nursery)
        cluster.commit("pump-b", 3)
        await trio.sleep(2)
        second.is_cut = True
        cluster.commit("pump-a", 3)
        first.write()
        await trio.sleep(5)
        assert first.confluence.stored_to(first.answer(), trio.current_time()).lacking_us == (1_001, 1_003)
        second.is_cut = False
        await trio.sleep(2)
        assert first.confluence.turn == 1
        assert first.confluence.stored_to(first.answer(), trio.current_time()).lacking_us is None
        nursery.cancel_scope.cancel()


async def test_while_the_store_lacks_what_left_the_ring_nobody_is_told_that_it_shows_more(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster(max_bytes=10 * ROW_BYTES)
    first, second = cluster.nodes
    told: list[int] = []
    async with trio.open_nursery() as nursery:
        await begun(cluster, nursery)
        first.confluence.on_stored(told.append)
        cluster.commit("pump-b", 3)
        await trio.sleep(2)
        cluster.commit("pump-a", 50)
        first.write()
        assert max(told, default=0) <= first.confluence.first - 1
        second.write()
        await trio.sleep(2)
        assert told[-1] == first.confluence.position
        nursery.cancel_scope.cancel()


async def test_news_of_the_store_that_were_overtaken_are_not_taken_for_its_loss(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster()
    first, second = cluster.nodes
    async with trio.open_nursery() as nursery:
        await begun(cluster, nursery)
        cluster.bus.holds = True
        cluster.commit("pump-b", 5)  # published with the store at nothing
        second.write()
        await trio.sleep(2)  # asked for by HTTP, and stored
        cluster.bus.holds = False
        cluster.commit("pump-a", 1)
        first.write()
        await trio.sleep(5)
        stored = first.confluence.stored_to(first.answer(), trio.current_time())
        assert stored.place == first.confluence.position
        stored = first.confluence.stored_to(replace(first.answer(), others_s=5.0), trio.current_time())
        assert stored.place == first.confluence.position  # by what was said before
        second.stored = 2  # the store lost what it had
        second.confluence.store_applied(2)
        await trio.sleep(2)
        assert first.confluence.stored_to(first.answer(), trio.current_time()).place < first.confluence.position
        nursery.cancel_scope.cancel()


async def test_what_left_the_ring_unstored_is_said_to_be_missing(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster("a", max_bytes=1_000)
    async with trio.open_nursery() as nursery:
        (node,) = cluster.nodes
        await node.start(nursery)
        for _ in range(10):
            cluster.commit("pump-a", 1)
        confluence = node.confluence
        assert confluence.stored_to(node.answer(), trio.current_time()).missing_us == (1_001, 1_007)
        node.write()
        stored = confluence.stored_to(node.answer(), trio.current_time())
        assert (stored.place, stored.missing_us) == (10, None)
        nursery.cancel_scope.cancel()


async def test_a_store_that_is_back_is_told_of_although_it_has_no_more_than_before(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster("a")
    async with trio.open_nursery() as nursery:
        (node,) = cluster.nodes
        await node.start(nursery)
        told: list[int] = []
        node.confluence.on_stored(told.append)
        cluster.commit("pump-a", 3)
        node.write()
        node.write()
        assert told == [3]
        node.confluence.store_lost()
        cluster.commit("pump-a", 1)
        assert told == [3]
        node.confluence.store_applied(3)
        node.write()
        assert told == [3, 3, 4]
        nursery.cancel_scope.cancel()


async def test_what_another_node_has_stored_is_told_within_a_round(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster()
    async with trio.open_nursery() as nursery:
        await begun(cluster, nursery)
        told: list[int] = []
        cluster.nodes[0].confluence.on_stored(told.append)
        cluster.commit("pump-b", 3)
        await trio.sleep(2)
        assert told == []
        cluster.nodes[1].write()
        await trio.sleep(2)
        assert told == [3]
        nursery.cancel_scope.cancel()


async def test_what_a_node_that_is_gone_for_good_had_left_is_on_every_screen_once_another_has_stored_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    cluster = Cluster("abc")
    first, second, third = cluster.nodes
    async with trio.open_nursery() as nursery:
        for node in cluster.nodes:
            await node.start(nursery)
        viewer, away, other = (Viewer(cluster) for _ in range(3))
        for each in (viewer, away, other):
            await each.sit_at(first)
        await other.turn_to(frozenset({"pump-a"}))
        cluster.commit("pump-c", 2)
        await trio.sleep(2)
        before = dict(first.confluence.marks_at(first.confluence.position))
        third.is_cut = cluster.bus.loses = True
        cluster.commit("pump-c", 3)  # nobody hears of these
        third.kill()
        await away.sit_at(second)
        third.stored = third.journal.position  # another has gone through its journal
        for node in (first, second):
            node.confluence.drained(Drained(third.journal.id, 5, 0, frozenset({"pump-c"})))
            assert node.confluence.place_of(before) is None
            assert node.confluence.place_of({first.journal.id: 0, second.journal.id: 0}) is None  # nor where it was never heard of
        for each in (viewer, away, other):
            await each.look()
        assert viewer.seen == away.seen == Counter(dict.fromkeys(cluster.committed(), 1))
        assert (viewer.snapshots, other.snapshots) == (2, 2)
        assert viewer.marks is not None
        assert second.confluence.place_of(viewer.marks) is not None
        assert [each.name for each in first.confluence.followings.stale()] == []
        first.confluence.drained(Drained(first.journal.id, 5, 0, None))  # nobody can have gone through a journal that is here
        await viewer.look()
        assert viewer.snapshots == 2
        nursery.cancel_scope.cancel()


async def test_cursors_name_a_journal_that_is_at_its_end_until_that_is_long_ago(autojump_clock: trio.testing.MockClock) -> None:
    cluster = Cluster()
    first, _ = cluster.nodes
    async with trio.open_nursery() as nursery:
        await begun(cluster, nursery)
        first.confluence.drained(Drained("gone", 5, 0, None))
        await trio.sleep(5)
        assert first.confluence.marks_at(0)["gone"] == 5
        first.confluence.drained_long_ago("gone")
        await trio.sleep(5)
        assert "gone" not in first.confluence.marks_at(0)
        nursery.cancel_scope.cancel()
