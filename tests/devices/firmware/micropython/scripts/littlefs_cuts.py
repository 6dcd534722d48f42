"""Run by MicroPython: littlefs on a block device in RAM, whose power is cut at each n-th block written; prints cuts, lost, doubled."""

import os
import sys

import tributary

SIZE, COUNT = 512, 96


class Blocks:
    """A block device that dies in the middle of a write."""

    def __init__(self):
        self.data = bytearray(SIZE * COUNT)
        self.written = 0
        self.cut_at = None
        self.is_off = False

    def readblocks(self, block, buffer, offset=0):
        """Read."""
        at = block * SIZE + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=None):
        """Write, or half of it and no more."""
        if self.is_off:
            raise OSError(5)
        at = block * SIZE + (offset or 0)
        self.written += 1
        size = len(buffer)
        if self.written == self.cut_at:
            self.is_off = True
            size //= 2
        self.data[at : at + size] = buffer[:size]
        if self.is_off:
            raise OSError(5)

    def ioctl(self, what, value):
        """Answer littlefs; an erase does nothing here."""
        if what == 4:
            return COUNT
        if what == 5:
            return SIZE
        return 0


class Hub:
    """Marks and values, for all lives."""

    def __init__(self):
        self.marks = {}
        self.values = []
        self.declared = 0


FOLDERS = []
SPOOLS = []


def stopped():
    """Let go of the open files: the collector would close them at a bad time."""
    for folder in FOLDERS:
        for name in list(folder._open):
            folder.done(name)
    for spool in SPOOLS:
        spool._close_cursor()
    FOLDERS.clear()
    SPOOLS.clear()


def started(blocks):
    """Mount and open the spool."""
    os.mount(os.VfsLfs2(blocks), "/flash")
    FOLDERS.append(tributary.Folder("/flash/spool"))
    spool = tributary.Spool(FOLDERS[-1], tributary.packed([]), 4096, 512)
    SPOOLS.append(spool)
    if spool.current is None:
        spool.begin_epoch()
    return spool


def talk(spool, hub, frames):
    """Send so many frames, as a connection would, and ack half of them."""
    spool.tidy()
    for epoch in spool.unfinished():
        epoch.is_said = True
        if epoch.is_kept:
            spool.keep_epoch(epoch)
    spool.sent = {}
    for epoch in spool.unfinished():
        mark = hub.marks.get(epoch.epoch, 0)
        spool.ack(epoch.no, mark)
        for _ in range(frames):
            found = spool.next_frame(epoch.no)
            if found is None:
                break
            seq, last, message = found
            message = tributary.unpack(message)
            if seq > mark + 1:
                raise ValueError("a hole: %d after %d" % (seq, mark))
            spool.sent[epoch.no] = mark = hub.marks[epoch.epoch] = last
            if message["op"] == "data":
                hub.values += message["v"]
            else:
                hub.declared += message["readings"]
        spool.ack(epoch.no, mark // 2)


def life(cut_at):
    """Live, with a cut and then without; return (written blocks, lost, doubled)."""
    blocks = Blocks()
    os.VfsLfs2.mkfs(blocks)
    hub, kept = Hub(), []
    blocks.written, blocks.cut_at = 0, cut_at
    try:
        spool = started(blocks)
        for value in range(40):
            spool.add((("op", "data"), ("t", value), ("c", [0]), ("d", [0]), ("v", [value])))
            spool.store()
            if blocks.is_off:
                break
            kept.append(value)
            if value % 10 == 9:
                talk(spool, hub, 8)
                spool.begin_epoch()
    except OSError:
        if not blocks.is_off:
            raise
    stopped()
    try:
        os.umount("/flash")
    except OSError:
        pass
    written = blocks.written
    blocks.cut_at, blocks.is_off = None, False
    spool = started(blocks)
    talk(spool, hub, 1000)
    talk(spool, hub, 1000)
    stopped()
    os.umount("/flash")
    lost = [value for value in kept if value not in hub.values]
    return written, max(len(lost) - hub.declared, 0), len(hub.values) - len(set(hub.values))


stride = int(sys.argv[1]) if len(sys.argv) > 1 else 1
whole, lost, doubled = life(None)
cuts = 0
for cut in range(1, whole + 1, stride):
    _, also_lost, also_doubled = life(cut)
    lost, doubled, cuts = lost + also_lost, doubled + also_doubled, cuts + 1
print(cuts, lost, doubled)
