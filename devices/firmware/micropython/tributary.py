"""Tributary for MicroPython: a device in one file. Copy it onto an ESP32, a Pico W or the unix port; it runs under CPython, too.

Owns the device's side of the protocol (docs/protocol.md, part A): WebSocket, msgpack, numbering, credit, commands, shadow, and a spool in
flash. It needs nothing but what MicroPython's standard distribution has. docs/guide/micropython.md says how to use it; programs take
Device, Refused, register, trust and wall_clock, the tests also the parts below.
"""

import asyncio
import binascii
import errno
import gc
import hashlib
import os
import struct
import sys
import time

try:
    from micropython import const
except ImportError:

    def const(value):
        """Return it: only MicroPython's compiler does more with it."""
        return value


VERSION = "tributary-micropython 1"
_IS_MICRO = sys.implementation.name == "micropython"

_MAX_ARRAY = const(4096)
_MAX_MAP = const(256)
_MAX_DEPTH = const(4)
_MAX_MESSAGE = const(65536)
_MAX_HEAD = const(4096)
_MAX_UNFINISHED = const(64)
_REUSE_FROM = const(16)
_MAX_IN_FLIGHT = const(32)  # frames; each costs RAM until it is acked, and more in flight is no faster
_CHUNK = const(512)
_FRAME_BYTES = const(1024)  # of a frame of readings: so much every hub takes
_FRAME_HEAD = const(80)  # above what stands beside the readings
_RESULTS_BYTES = const(4096)  # of a hello
_ENTRY_BYTES = const(64)  # what a frame in RAM costs beside its body, on a port of 32 bits
_MAX_BACKOFF_S = const(60)
_STEADY_MS = const(5000)  # a connection that lasted so long starts the backoff over
_SEND_TIMEOUT_MS = const(60000)
_TICK_MS = const(200)
_NO_SPACE = const(28)  # ENOSPC, which MicroPython's errno does not name
_MAX_FAULTS = const(3)  # of a file that cannot be read, before what is in it is given up
_MAX_DEAD = const(8)  # files that cannot be removed; beyond these no new ones are made

try:
    _ticks_ms, _ticks_us, _ticks_diff = time.ticks_ms, time.ticks_us, time.ticks_diff
    _PERIOD_US = time.ticks_add(0, -1) + 1
except AttributeError:
    _PERIOD_US = 1 << 62

    def _ticks_ms():
        return time.monotonic_ns() // 1000000

    def _ticks_us():
        return time.monotonic_ns() // 1000

    def _ticks_diff(later, earlier):
        return later - earlier


class BadMessage(ValueError):
    """The hub said what this client cannot read."""


class Refused(Exception):
    """The hub will not have this device until somebody acts: `code` is a close code or an HTTP status."""

    def __init__(self, code, reason):
        super().__init__("the hub refuses this device (%d): %s" % (code, reason))
        self.code = code
        self.reason = reason


class _Ended(Exception):
    """A connection is over: (close code, reason)."""


def trust(ca_file):
    """Return a TLS context that trusts the authorities in this file: DER on MicroPython, PEM under CPython."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    if _IS_MICRO:
        with open(ca_file, "rb") as file:
            context.load_verify_locations(cadata=file.read())
    else:
        context.load_verify_locations(ca_file)
    return context


def _uniform(top):
    # The random module begins alike at each boot on some ports; a fleet would come back in step.
    return top * (int.from_bytes(os.urandom(4), "big") / 4294967296)


# --- msgpack ----------------------------------------------------------------------------------------------------------------


class Packed:
    """What is msgpack already, to be put into a message as it is."""

    def __init__(self, data):
        self.data = data


def pack(value, out):
    """Append a value to the bytearray as msgpack: float32 where that loses nothing. Raises TypeError, ValueError."""
    if value is None:
        out.append(0xC0)
    elif value is True or value is False:
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        _pack_int(value, out)
    elif isinstance(value, float):
        single = struct.pack(">f", value) if -3e38 < value < 3e38 else b""
        if single and struct.unpack(">f", single)[0] == value:
            out.append(0xCA)
            out.extend(single)
        else:
            out.append(0xCB)
            out.extend(struct.pack(">d", value))
    elif isinstance(value, str):
        data = value.encode()
        _pack_size(len(data), 0xA0, 32, b"\xd9\xda\xdb", out)
        out.extend(data)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _pack_size(len(value), 0, 0, b"\xc4\xc5\xc6", out)
        out.extend(value)
    elif isinstance(value, (list, tuple)):
        _pack_size(len(value), 0x90, 16, b"\x00\xdc\xdd", out)
        for item in value:
            pack(item, out)
    elif isinstance(value, dict):
        _pack_size(len(value), 0x80, 16, b"\x00\xde\xdf", out)
        for key in value:
            pack(key, out)
            pack(value[key], out)
    elif isinstance(value, Packed):
        out.extend(value.data)
    else:
        raise TypeError("msgpack takes no %s" % type(value))


def _pack_int(value, out):
    if 0 <= value < 128:
        out.append(value)
    elif -32 <= value < 0:
        out.append(256 + value)
    elif 0 <= value < 256:
        out.append(0xCC)
        out.append(value)
    elif -32768 <= value < 32768:
        out.append(0xD1)
        out.extend(struct.pack(">h", value))
    elif -(1 << 31) <= value < (1 << 31):
        out.append(0xD2)
        out.extend(struct.pack(">i", value))
    elif -(1 << 63) <= value < (1 << 63):
        out.append(0xD3)
        out.extend(struct.pack(">q", value))
    else:
        raise ValueError("%d is no int64" % value)


def _pack_size(size, fixed, below, codes, out):
    if size < below:
        out.append(fixed | size)
    elif size < 256 and codes[0]:
        out.append(codes[0])
        out.append(size)
    elif size < 65536:
        out.append(codes[1])
        out.extend(struct.pack(">H", size))
    else:
        raise ValueError("%d is over the limit of 65,535" % size)


def packed(value):
    """Return a value as msgpack, in bytes."""
    out = bytearray()
    pack(value, out)
    return bytes(out)


def unpack(data, max_items=_MAX_MESSAGE):
    """Return the value of a whole message; `max_items` bounds the memory that it may take. Raises BadMessage."""
    try:
        reader = _Unpacker(data, max_items)
        value = reader.value(0)
    except (IndexError, UnicodeError):
        raise BadMessage("a message that ends too early, or a text that is no UTF-8") from None
    if reader.at != len(data):
        raise BadMessage("bytes after the message")
    return value


class _Unpacker:
    def __init__(self, data, max_items):
        self.data = data
        self.at = 0
        self.left = max_items

    def value(self, depth):
        self.left -= 1
        if self.left < 0:
            raise BadMessage("more items than there is memory for")
        code = self.data[self.at]
        self.at += 1
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 256
        if code < 0x90:
            return self._map(code & 15, depth)
        if code < 0xA0:
            return self._array(code & 15, depth)
        if code < 0xC0:
            return self._take(code & 31).decode()
        if code == 0xC0:
            return None
        if code in (0xC2, 0xC3):
            return code == 0xC3
        if 0xCA <= code <= 0xD3:
            form = ">" + "fdBHIQbhiq"[code - 0xCA]
            return struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return self._sized(code, depth)

    def _sized(self, code, depth):
        if 0xC4 <= code <= 0xC6:
            return self._take(self._size(code - 0xC4))
        if 0xD9 <= code <= 0xDB:
            return self._take(self._size(code - 0xD9)).decode()
        if code in (0xDC, 0xDD):
            return self._array(self._size(code - 0xDB), depth)
        if code in (0xDE, 0xDF):
            return self._map(self._size(code - 0xDD), depth)
        raise BadMessage("msgpack type 0x%x is not in the protocol" % code)

    def _size(self, power):
        return int.from_bytes(self._take(1 << power), "big")

    def _take(self, size):
        end = self.at + size
        if end > len(self.data):
            raise IndexError
        piece = bytes(self.data[self.at : end])
        self.at = end
        return piece

    def _array(self, size, depth):
        if size > _MAX_ARRAY or depth >= _MAX_DEPTH:
            raise BadMessage("an array over the limits")
        return [self.value(depth + 1) for _ in range(size)]

    def _map(self, size, depth):
        if size > _MAX_MAP or depth >= _MAX_DEPTH:
            raise BadMessage("a map over the limits")
        found = {}
        for _ in range(size):
            key = self.value(depth + 1)
            if not isinstance(key, str):
                raise BadMessage("a key that is no text")
            found[key] = self.value(depth + 1)
        return found


# --- time -------------------------------------------------------------------------------------------------------------------


class Uptime:
    """Microseconds since it was made, though the port's counter wraps (after 18 minutes on most). Ask it once in 6 days at least."""

    def __init__(self, ms=_ticks_ms, us=_ticks_us, diff=_ticks_diff, period_us=_PERIOD_US):
        self._ms_of, self._us_of, self._diff, self._period = ms, us, diff, period_us
        self._ms, self._us = ms(), us()
        self._sum = 0

    def us(self):
        """Return the time since it was made."""
        ms, us = self._ms_of(), self._us_of()
        fine = self._diff(us, self._us) % self._period
        # Milliseconds say how often the microseconds have wrapped meanwhile.
        wraps = (self._diff(ms, self._ms) * 1000 - fine + self._period // 2) // self._period
        self._sum += fine + max(wraps, 0) * self._period
        self._ms, self._us = ms, us
        return self._sum


def wall_clock():
    """Return the board's clock in µs since 1970, None where nobody has set it. Give it to Device as `clock` where the board has one."""
    now_us = time.time_ns() // 1000
    if time.gmtime(0)[0] == 2000:  # the epoch of some ports
        now_us += 946684800000000
    return now_us if now_us > 1700000000000000 else None


# --- the spool --------------------------------------------------------------------------------------------------------------
# Two kinds of files, both only ever appended to: segments ("f" and a number) hold frames and are removed whole once everything in them
# is acked; one state file ("s" and a number) holds what else must survive, and is written anew under the next number when it has grown. A
# record is length, kind, crc and body. What a power cut tears is at the end of a file and is not believed.

_HEAD = const(7)
_DATED, _UNDATED, _STATE, _SNAPSHOT_ENDS = const(1), const(2), const(3), const(4)


class Folder:
    """Files in flash. What `append` with `is_sync` returned from is there after a power cut."""

    def __init__(self, path):
        self.path = path
        self._open = {}
        try:
            os.mkdir(path)
        except OSError as error:
            if error.args[0] != errno.EEXIST:
                raise

    def names(self):
        """Return the names of the files."""
        return os.listdir(self.path)

    def size(self, name):
        """Return the size of a file in bytes."""
        return os.stat(self.path + "/" + name)[6]

    def append(self, name, data, is_sync=True):
        """Write at the end of a file. Raises OSError; what is at its end then is unknown."""
        file = self._open.get(name)
        if file is None:
            file = self._open[name] = open(self.path + "/" + name, "ab")
        file.write(data)
        if is_sync:
            file.flush()  # on MicroPython this syncs
            if not _IS_MICRO:
                os.fsync(file.fileno())

    def done(self, name):
        """Close a file that nothing is appended to any more."""
        file = self._open.pop(name, None)
        if file is not None:
            try:
                file.close()
            except OSError:
                pass  # what was written is judged by its checksums

    def read(self, name):
        """Return the file for reading."""
        return open(self.path + "/" + name, "rb")

    def remove(self, name):
        """Remove a file."""
        self.done(name)
        os.remove(self.path + "/" + name)


def record(kind, body):
    """Return a record for a file."""
    head = struct.pack("<HB", len(body), kind)
    return head + struct.pack("<I", binascii.crc32(body, binascii.crc32(head)) & 0xFFFFFFFF) + body


def read_record(file):
    """Return (kind, body) of the next record, (0, b"") for one that is damaged, None at the end."""
    head = file.read(_HEAD)
    if head is None or len(head) < _HEAD:
        return None
    size, kind, crc = struct.unpack("<HBI", head)
    body = file.read(size)
    if len(body) < size:
        return None
    return (kind, body) if crc == binascii.crc32(body, binascii.crc32(head[:3])) & 0xFFFFFFFF else (0, b"")


class _Epoch:
    """Numbered frames: `first` is the lowest seq that is not acked, `last` the highest that was made."""

    def __init__(self, no, epoch, channels):
        self.no = no
        self.epoch = epoch
        self.channels = channels  # crc32 of the list
        self.offset = None  # what is added to uptimes
        self.first = 1
        self.last = 0
        self.is_said = False  # the hub was told of it
        self.is_kept = False  # it is in the state file
        self.is_ours = True  # of this boot
        self.has_undated = False


class _Segment:
    """A file of frames: `runs` are [epoch's number, first seq, last seq] in the order of the file."""

    def __init__(self, no, size=0):
        self.no = no
        self.name = "f%08d" % no
        self.size = size
        self.runs = []
        self.faults = 0  # how often it could not be read

    def lose(self, run, seq):
        """Take a frame out of a run."""
        no, first, last = run
        self.runs.remove(run)
        self.runs += [each for each in ([no, first, seq - 1], [no, seq + 1, last]) if each[1] <= each[2]]

    def note(self, no, seq):
        run = self.runs[-1] if self.runs else None
        if run is not None and run[0] == no and run[2] + 1 == seq:
            run[2] = seq
        else:
            self.runs.append([no, seq, seq])


class Spool:
    """Frames until they are acked, and all else that a device must remember. `flash` None: in RAM only.

    `max_bytes` bounds the segments; beyond it the oldest is dropped and declared as a gap. The state file takes up to `state_bytes` and two
    snapshots more. `ram_bytes` of frames are kept in RAM beside.
    """

    def __init__(self, flash, channels, max_bytes=65536, ram_bytes=4096, state_bytes=4096):
        self.flash = flash
        self.max_bytes = max_bytes
        self.segment_bytes = max(512, max_bytes // 8)
        self.ram_bytes = ram_bytes
        self.state_bytes = state_bytes
        self.channels = binascii.crc32(channels) & 0xFFFFFFFF
        self.lists = {self.channels: channels}  # crc32 -> channel list as msgpack
        self.epochs = {}  # number -> _Epoch
        self.current = None
        self.gaps = []  # [number, first, last, readings, from_us, to_us, reason]
        self.gone = set()  # numbers that were given up
        self.ids = {}  # command id -> [expires_us, state, value, reason, number, seq, is_acked]
        self.fence = 0
        self.desired = [0, {}]  # version, document
        self.reported = [0, 0, {}, None, 0]  # n, version applied, document, error, version that failed
        self.sent = {}  # number -> highest seq sent on this connection
        self.lost_results = []  # ids whose result went with what was dropped
        self.dropped_readings = 0
        self._ram = []  # [number, seq, kind, rest, is_stored]
        self._ram_size = 0
        self._segments = []
        self._dead = []  # segments of which nothing is needed, and which flash would not remove
        self._may_append = False
        self._next_segment = 1
        self._next_epoch = 1
        self._state_no = 0
        self._state_size = 0
        self._grown = -1  # the size from which on the state is written anew
        self._cursor = None  # (segment, file, number, seq)
        if flash is not None:
            self._open()

    # state

    def _open(self):
        states = sorted(int(name[1:]) for name in self.flash.names() if name[0] == "s" and name[1:].isdigit())
        self._state_no = states[-1] if states else 0
        while states and not self._load("s%08d" % states[-1]):
            states.pop()
        holes = self._scan()
        self._settle()
        if not states or states[-1] != self._state_no:
            self._grown = -1  # what is there is not whole: the next entry begins a new file
        for no in states[:-1]:
            try:
                self.flash.remove("s%08d" % no)  # a power cut left it
            except OSError:
                pass  # the next snapshot removes it
        for no, first, last in holes:
            self.epochs[no].first = min(self.epochs[no].first, first)
            self._declare(no, first, last, (last - first + 1, None, None), "corrupt")

    def _load(self, name):
        is_whole = False
        size = 0
        with self.flash.read(name) as file:
            while True:
                found = read_record(file)
                if found is None:
                    break
                size += _HEAD + len(found[1])
                if found[0] == _SNAPSHOT_ENDS:
                    is_whole = True
                    self._grown = size + self.state_bytes
                elif found[0] == _STATE:
                    self._apply(unpack(found[1]))
        self._state_size = size
        if self.flash.size(name) != size:
            self._grown = -1  # its end is torn: nothing more can be appended that would be found
        if not is_whole:  # cut while it was written: the one before it is whole
            self.epochs, self.gaps, self.gone, self.ids = {}, [], set(), {}
        return is_whole

    def _apply(self, entry):
        what = entry[0]
        if what == "epoch":
            no = entry[1]
            found = self.epochs[no] = _Epoch(no, entry[2], entry[3])
            found.offset, found.is_said = entry[4], entry[5]
            found.is_kept, found.is_ours = True, False
            self._next_epoch = max(self._next_epoch, no + 1)
        elif what == "channels":
            self.lists[entry[1]] = entry[2]
        elif what == "gap":
            no, first, last = entry[1:4]
            self.gaps = [gap for gap in self.gaps if gap[0] != no or gap[1] < first or gap[2] > last] + [entry[1:]]
        elif what == "gone":
            self.gone.add(entry[1])
        elif what == "id":
            self.ids[entry[1]] = entry[2:]
        elif what == "no id":
            self.ids.pop(entry[1], None)
        elif what == "next":
            self._next_epoch = max(self._next_epoch, entry[1])
        elif what == "fence":
            self.fence = entry[1]
        elif what == "desired":
            self.desired = entry[1:]
        elif what == "reported":
            self.reported = entry[1:]

    def _scan(self):
        """Read what every segment holds; return (number, first, last) of the frames that damage has taken."""
        holes, seen, is_damaged = [], {}, False
        numbers = sorted(int(name[1:]) for name in self.flash.names() if name[0] == "f" and name[1:].isdigit())
        for number in numbers:
            segment = _Segment(number)
            self._next_segment = number + 1
            with self.flash.read(segment.name) as file:
                while True:
                    found = read_record(file)
                    if found is None:
                        break
                    if not found[0]:
                        is_damaged = True
                        continue
                    segment.size += _HEAD + len(found[1])
                    no, seq = struct.unpack("<II", found[1][:8])
                    epoch = self.epochs.get(no)
                    if epoch is None or no in self.gone:
                        continue  # given up, or its number never became durable: then nothing of it was sent
                    if is_damaged and seq > seen.get(no, 0) + 1:
                        holes.append((no, seen.get(no, 0) + 1, seq - 1))  # the hub clips what it has
                    is_damaged = False
                    seen[no] = seq
                    segment.note(no, seq)
                    epoch.has_undated = epoch.has_undated or found[0] == _UNDATED
            # After a torn record nothing more can be appended that would be found.
            self._may_append = self.flash.size(segment.name) == segment.size
            is_damaged = not self._may_append
            segment.size = self.flash.size(segment.name)
            self._segments.append(segment)
        self.gone = {no for no in self.gone if no in self.epochs}
        gc.collect()
        return [hole for hole in holes if hole[0] in seen]

    def _settle(self):
        """Work out first and last of each epoch; forget those of which nothing is left."""
        for no in list(self.epochs):
            epoch = self.epochs[no]
            places = [run[1:] for segment in self._segments for run in segment.runs if run[0] == no]
            places += [gap[1:3] for gap in self.gaps if gap[0] == no]
            if no in self.gone or not places:
                if no not in self.gone or not any(segment.runs for segment in self._segments):
                    del self.epochs[no]
                continue
            epoch.first = min(place[0] for place in places)
            epoch.last = max(place[1] for place in places)
        self.gaps = [gap for gap in self.gaps if gap[0] in self.epochs]
        for segment in list(self._segments):
            if not segment.runs:
                self._remove(segment)
        newest = self.epochs.get(max(self.epochs)) if self.epochs else None
        # An epoch that the hub was never told of may go on: nobody can have got another frame by its numbers.
        if newest and not newest.is_said and not newest.has_undated and newest.channels == self.channels and newest.no not in self.gone:
            newest.is_ours = True
            self.current = newest

    def _entries(self):
        used = {epoch.channels for epoch in self.epochs.values() if epoch.is_kept}
        for crc in used:
            yield ["channels", crc, self.channels_of(crc)]
        for epoch in self.epochs.values():
            if epoch.is_kept:
                yield ["epoch", epoch.no, epoch.epoch, epoch.channels, epoch.offset, epoch.is_said]
        for gap in self.gaps:
            yield ["gap"] + gap
        for no in self.gone:
            yield ["gone", no]
        for id_ in self.ids:
            yield ["id", id_] + self.ids[id_]
        yield ["next", self._next_epoch]
        yield ["fence", self.fence]
        yield ["desired"] + self.desired
        yield ["reported"] + self.reported

    def _snapshot(self):
        """Write the state anew; the file before it stays until this one is whole."""
        self._state_no += 1
        name = "s%08d" % self._state_no
        self._state_size = 0
        for entry in self._entries():
            data = record(_STATE, packed(entry))
            self._state_size += len(data)
            self.flash.append(name, data, False)
        self.flash.append(name, record(_SNAPSHOT_ENDS, b""))
        self._grown = self._state_size + self.state_bytes
        for old in self.flash.names():
            if old[0] == "s" and old != name:
                try:
                    self.flash.remove(old)
                except OSError:
                    pass  # the next snapshot removes it, or the next start

    def keep(self, *entries, is_sync=True):
        """Write entries of the state down, durably with `is_sync`. Raises OSError."""
        if self.flash is None or not entries:
            return
        data = b"".join([record(_STATE, packed(entry)) for entry in entries])
        is_anew = self._state_size > self._grown
        try:
            if is_anew:
                self._snapshot()  # entries are in it already: they are made of what is in RAM
                return
            self.flash.append("s%08d" % self._state_no, data, is_sync)
            self._state_size += len(data)
        except OSError:
            name = "s%08d" % self._state_no
            self.flash.done(name)
            self._state_size, self._grown = 0, -1  # its end may be torn: the next one begins a new file
            if is_anew:
                try:
                    self.flash.remove(name)  # half a snapshot takes room; the one before it is whole
                except OSError:
                    pass
            raise

    def _settle_state(self):
        """Write down what flash has refused of the state. Raises OSError."""
        if self._grown < 0:
            self.keep(["fence", self.fence])  # all of the state, anew

    def try_keep(self, *entries, is_sync=True):
        """As `keep`; what flash refuses is in RAM, and in the next file of the state. Return whether flash took it."""
        try:
            self.keep(*entries, is_sync=is_sync)
        except OSError:
            return False
        return True

    # epochs

    def begin_epoch(self):
        """Open another epoch; new frames are of it."""
        epoch = int.from_bytes(os.urandom(8), "big") & 0x7FFFFFFFFFFFFFFF
        self.current = self.epochs[self._next_epoch] = _Epoch(self._next_epoch, epoch or 1, self.channels)
        self._next_epoch += 1

    def keep_epoch(self, epoch):
        """Write an epoch of which frames are in flash."""
        entries = [["epoch", epoch.no, epoch.epoch, epoch.channels, epoch.offset, epoch.is_said]]
        if not any(other.is_kept and other.channels == epoch.channels for other in self.epochs.values()):
            entries.insert(0, ["channels", epoch.channels, self.channels_of(epoch.channels)])
        epoch.is_kept = True
        try:
            self.keep(*entries)
        except OSError:
            epoch.is_kept = False  # before frames of it are written it comes again
            raise

    def channels_of(self, crc):
        """Return a channel list as msgpack; an empty one, by which the hub refuses each reading, where damage has taken it."""
        return self.lists.get(crc, b"\x90")

    def unfinished(self):
        """Return the epochs of which something is not acked, or is still in a file, oldest first."""
        stored = self._stored()
        found = [e for e in self.epochs.values() if e.no not in self.gone and e.last and (e.first <= e.last or e.no in stored)]
        return sorted(found, key=lambda epoch: epoch.no)

    def _stored(self):
        return {run[0] for segment in self._segments + self._dead for run in segment.runs}

    def renumber(self):
        """Give the current epoch another number: the hub knows this one from somebody else."""
        epoch = self.current
        epoch.epoch = (int.from_bytes(os.urandom(8), "big") & 0x7FFFFFFFFFFFFFFF) or 1
        epoch.is_said = False
        if epoch.is_kept:  # where flash refuses it, it is written before it is said
            self.try_keep(["epoch", epoch.no, epoch.epoch, epoch.channels, epoch.offset, False])

    def give_up(self, epoch):
        """Give the rest of an older epoch up by a gap in the current one: there are more than a hello can list."""
        readings, from_us, to_us = 0, None, None
        for segment in self._segments:
            summary = self._summary(segment, epoch.no, epoch.first, epoch.last)
            readings, from_us, to_us = _joined((readings, from_us, to_us), summary)
        gap = (("op", "gap"), ("last", self.current.last + 1), ("readings", readings), ("from_us", from_us), ("to_us", to_us))
        self.add(gap + (("reason", "too_many_epochs"), ("of", epoch.epoch), ("of_last", epoch.last)))
        self.store()
        self.gone.add(epoch.no)
        self.try_keep(["gone", epoch.no])
        self.gaps = [gap for gap in self.gaps if gap[0] != epoch.no]
        self._forget_acked(is_closing=True)

    # frames

    def add(self, fields, kind=_DATED):
        """Take the fields of a frame beside `e` and `s`, pairs of which the first are `op` and `t`; return its (epoch's number, seq)."""
        rest = bytearray([len(fields) + 2])
        for key, value in fields:
            pack(key, rest)
            if key == "t" and kind == _UNDATED:  # in full length: it is told from other values by its place
                rest.append(0xD3)
                rest.extend(struct.pack(">q", value))
            else:
                pack(value, rest)
        epoch = self.current
        epoch.last += 1
        epoch.has_undated = epoch.has_undated or kind == _UNDATED
        self._ram.append([epoch.no, epoch.last, kind, bytes(rest), False])
        self._ram_size += len(rest) + _ENTRY_BYTES
        if self._ram_size > self.ram_bytes:
            self.store()
            self._shrink()
        return epoch.no, epoch.last

    def store(self):
        """Write what is in RAM alone into flash. Where that takes no more it stays in RAM, and the oldest is dropped beyond `ram_bytes`."""
        if self.flash is None or not any(not entry[4] for entry in self._ram):
            return
        self._bury()
        if len(self._dead) > _MAX_DEAD:
            return
        try:
            self._store()
        except OSError as error:
            self._leave()
            if error.args[0] == _NO_SPACE and len(self._segments) > 1:  # the file system is full before the spool is
                self._drop(self._segments[0], True)
            try:
                self._store()
            except OSError:
                self._leave()
                if self.current.is_kept and not self.current.is_said and len(self.epochs) < _REUSE_FROM:
                    self.begin_epoch()  # one in RAM alone can be told without flash (Device._prepare)

    def _leave(self):
        """Begin another segment: what is at the end of this one is unknown."""
        self._end_segment()
        if self._segments and not self._segments[-1].runs:
            self._remove(self._segments[-1])

    def _bury(self):
        """Try again to remove what is dead, once the gaps that stand for it are in flash."""
        try:
            if self._dead:
                self._settle_state()
        except OSError:
            return
        dead, self._dead = self._dead, []
        for segment in dead:
            self._remove(segment)

    def _store(self):
        self._settle_state()  # gaps are in flash before what comes after them, or a power cut would make silence of them
        pieces, noted, segment = [], [], None
        for entry in self._ram:
            if entry[4]:
                continue
            epoch = self.epochs[entry[0]]
            if not epoch.is_kept:
                self.keep_epoch(epoch)
            data = record(entry[2], struct.pack("<II", entry[0], entry[1]) + entry[3])
            if segment is None or segment.size + len(data) > self.segment_bytes:
                self._write(segment, pieces, noted)
                pieces, noted = [], []
                segment = self._room_for(len(data))
            segment.size += len(data)
            pieces.append(data)
            noted.append(entry)
        self._write(segment, pieces, noted)

    def _write(self, segment, pieces, noted):
        if pieces:
            self.flash.append(segment.name, b"".join(pieces))
            for entry in noted:
                segment.note(entry[0], entry[1])
                entry[4] = True

    def _room_for(self, size):
        segment = self._segments[-1] if self._segments and self._may_append else None
        if segment is None or segment.size + size > self.segment_bytes:
            self._end_segment()
            segment = _Segment(self._next_segment)
            self._next_segment += 1
            self._may_append = True
            self._segments.append(segment)
        while len(self._segments) > 1 and sum(each.size for each in self._segments) + size > self.max_bytes:
            self._drop(self._segments[0])
        return segment

    def _end_segment(self):
        self._may_append = False
        if self._segments and self.flash is not None:
            self.flash.done(self._segments[-1].name)

    def _shrink(self):
        """Keep RAM bounded: what is in flash goes first, then the oldest is lost and declared."""
        for is_stored in (True, False):
            while self._ram_size > self.ram_bytes and len(self._ram) > 1:
                index = next((i for i, entry in enumerate(self._ram) if entry[4] == is_stored), None)
                if index is None:
                    break
                entry = self._ram.pop(index)
                self._ram_size -= len(entry[3]) + _ENTRY_BYTES
                if not is_stored and entry[1] >= self.epochs[entry[0]].first:
                    self._declare(entry[0], entry[1], entry[1], self._counted(entry[2], entry[3], entry[0]), "spool_full")

    def _drop(self, segment, has_to_go=False):
        """Give up the oldest segment, declared before it is removed; `has_to_go`: there may be no room to declare it before."""
        for no, first, last in segment.runs:
            first = max(first, self.epochs[no].first)
            if first <= last and no not in self.gone:
                try:
                    summary = self._summary(segment, no, first, last)
                except OSError:
                    summary = (last - first + 1, None, None)
                self._declare(no, first, last, summary, "spool_full")
        self._ram = [entry for entry in self._ram if not any(run[0] == entry[0] and run[1] <= entry[1] <= run[2] for run in segment.runs)]
        self._ram_size = sum(len(entry[3]) + _ENTRY_BYTES for entry in self._ram)
        try:
            if has_to_go:
                self._remove(segment)
            self._settle_state()
        except OSError:
            pass
        if segment in self._segments:
            self._segments.remove(segment)
            self._dead.append(segment)
            self._bury()

    def _declare(self, no, first, last, summary, reason):
        """Note a gap in place of frames, as one with the gap before it where the hub was not told of that yet."""
        if any(each[0] == no and each[1] <= first and last <= each[2] for each in self.gaps):
            return  # declared before a power cut that left the file
        self.dropped_readings += summary[0]
        for gap in [each for each in self.gaps if each[0] == no and first <= each[1] and each[2] <= last]:
            summary = _joined(summary, gap[3:6])
            self.gaps.remove(gap)
        gap = [no, first, last, summary[0], summary[1], summary[2], reason]
        before = next((each for each in self.gaps if each[0] == no and each[2] + 1 == first and each[6] == reason), None)
        if before is not None and before[1] > self.sent.get(no, 0):
            gap[1] = before[1]
            gap[3:] = _joined(before[3:6], summary) + (reason,)
            self.gaps.remove(before)
        self.gaps.append(gap)
        epoch = self.epochs[no]
        try:
            if not epoch.is_kept:
                self.keep_epoch(epoch)
            self.keep(["gap"] + gap)
        except OSError:
            pass  # it is in RAM, and in the next snapshot
        for id_ in self.ids:
            entry = self.ids[id_]
            if entry[4] == no and first <= entry[5] <= last and not entry[6]:
                self.lost_results.append(id_)

    def replace_by_gap(self, no, seq, reason):
        """Declare one frame lost that the hub cannot read."""
        found = self._find(no, seq)
        self._declare(no, seq, seq, (0, None, None) if found is None else self._counted(found[0], found[1], no), reason)

    def _summary(self, segment, no, first, last):
        found = (0, None, None)
        with self.flash.read(segment.name) as file:
            while True:
                entry = read_record(file)
                if entry is None:
                    return found
                if not entry[0]:
                    continue
                number, seq = struct.unpack("<II", entry[1][:8])
                if number == no and first <= seq <= last and not any(gap[0] == no and gap[1] <= seq <= gap[2] for gap in self.gaps):
                    found = _joined(found, self._counted(entry[0], entry[1][8:], no))

    def _counted(self, kind, rest, no):
        """Return how many readings a frame has, from when to when."""
        fields = unpack(bytes([0x80 | rest[0] - 2]) + rest[1:])
        if fields["op"] == "gap":
            return fields["readings"], fields["from_us"], fields["to_us"]
        if fields["op"] not in ("data", "pack"):
            return 0, None, None
        start = fields["t"] if kind == _DATED else self._dated(no, fields["t"])
        if fields["op"] == "data":
            count, spans = len(fields["c"]), fields["d"]
        else:
            count = len(fields["v"]) // (4 if fields["f"] == "f4" else 8)
            spans = [0, count * fields["step_ns"] // 1000] if "step_ns" in fields else struct.unpack("<%di" % count, fields["d"])
        return (count, None, None) if start is None else (count, start + min(spans), start + max(spans))

    def _dated(self, no, uptime):
        offset = self.epochs[no].offset
        return None if offset is None else uptime + offset

    def next_frame(self, no):
        """Return (seq, last, message) of the next frame of an epoch that was not sent on this connection, or None."""
        epoch = self.epochs.get(no)
        if epoch is None:
            return None
        while True:
            seq = max(self.sent.get(no, 0) + 1, epoch.first)
            if seq > epoch.last:
                return None
            for gap in self.gaps:
                if gap[0] == no and gap[1] <= seq <= gap[2]:
                    return seq, gap[2], self._gap_message(epoch, seq, gap)
            found = self._find(no, seq)
            if found is not None:
                return seq, seq, self._message(epoch, seq, found[0], found[1])
            self._declare(no, seq, self._next_present(no, seq) - 1, (0, None, None), "corrupt")

    def _find(self, no, seq):
        """Return (kind, rest) of a frame, None where it is nowhere."""
        for entry in self._ram:
            if entry[0] == no and entry[1] == seq:
                return entry[2], entry[3]
        for segment in self._segments:
            for run in segment.runs:
                if run[0] == no and run[1] <= seq <= run[2]:
                    try:
                        found = self._read(segment, no, seq)
                    except OSError:
                        self._close_cursor()
                        segment.faults += 1
                        if segment.faults < _MAX_FAULTS:
                            raise  # ends the connection; it may pass
                        found = None
                    if found is None:  # it was whole when it was written, or at the start
                        segment.lose(run, seq)
                    return found
        return None

    def _read(self, segment, no, seq):
        """Go on where the last frame was found, else from the start: an open file may not show what was appended since."""
        if self._cursor is not None and self._cursor[0] is segment and self._cursor[2:] == (no, seq):
            found = read_record(self._cursor[1])
            if found is not None and found[0] and struct.unpack("<II", found[1][:8]) == (no, seq):
                self._cursor = self._cursor[:3] + (seq + 1,)
                return found[0], found[1][8:]
        self._close_cursor()
        file = self.flash.read(segment.name)
        self._cursor = (segment, file, no, seq + 1)
        while True:
            found = read_record(file)
            if found is None:
                self._close_cursor()
                return None
            if found[0] and struct.unpack("<II", found[1][:8]) == (no, seq):
                return found[0], found[1][8:]

    def _close_cursor(self):
        if self._cursor is not None:
            self._cursor[1].close()
            self._cursor = None

    def _next_present(self, no, seq):
        places = [run[1] for segment in self._segments for run in segment.runs if run[0] == no]
        places += [entry[1] for entry in self._ram if entry[0] == no] + [gap[1] for gap in self.gaps if gap[0] == no]
        return min([place for place in places if place > seq] + [self.epochs[no].last + 1])

    def _message(self, epoch, seq, kind, rest):
        out = bytearray([0x80 | rest[0], 0xA1, 0x65])
        _pack_int(epoch.epoch, out)
        out.extend(b"\xa1s")
        _pack_int(seq, out)
        if kind == _DATED:
            out.extend(rest[1:])
            return out
        # "op" and its value, "t", 0xd3 and then the uptime
        at = 1 + 3 + 1 + (rest[4] & 31) + 2
        time_us = self._dated(epoch.no, struct.unpack(">q", rest[at + 1 : at + 9])[0])
        out.extend(rest[1:at])
        pack(time_us, out)
        out.extend(rest[at + 9 :])
        return out

    def _gap_message(self, epoch, seq, gap):
        out = bytearray([0x88, 0xA1, 0x65])
        _pack_int(epoch.epoch, out)
        for item in ("s", seq, "op", "gap", "last", gap[2], "readings", gap[3], "from_us", gap[4], "to_us", gap[5], "reason", gap[6]):
            pack(item, out)
        return out

    def ack(self, no, seq):
        """Drop what is acked: everything of an epoch up to this seq."""
        epoch = self.epochs.get(no)
        if epoch is None or seq < epoch.first:
            return
        epoch.first = min(seq, epoch.last) + 1
        self._ram = [entry for entry in self._ram if entry[0] != no or entry[1] > seq]
        self._ram_size = sum(len(entry[3]) + _ENTRY_BYTES for entry in self._ram)
        self.gaps = [gap for gap in self.gaps if gap[0] != no or gap[2] > seq]
        for id_ in self.ids:
            entry = self.ids[id_]
            if entry[4] == no and entry[5] <= seq and not entry[6]:
                entry[6] = True
                self.try_keep(["id", id_] + entry, is_sync=False)  # when it is lost, more is said than need be, and no less
        self._forget_acked()

    def _forget_acked(self, is_closing=False):
        """Remove files in which everything is acked. The one being written stays until half full: files cost wear."""
        self._bury()
        for segment in list(self._segments):
            is_written = self._may_append and segment is self._segments[-1]
            if is_written and not is_closing and segment.size < self.segment_bytes // 2:
                continue
            if all(run[0] in self.gone or run[2] < self.epochs[run[0]].first for run in segment.runs):
                self._remove(segment)
        stored = self._stored()
        for no in list(self.epochs):
            epoch = self.epochs[no]
            if epoch is not self.current and no not in stored and (epoch.first > epoch.last or no in self.gone):
                del self.epochs[no]
                self.gone.discard(no)

    def _remove(self, segment):
        if self._cursor is not None and self._cursor[0] is segment:
            self._close_cursor()
        if segment in self._segments:
            self._may_append = self._may_append and segment is not self._segments[-1]
            self._segments.remove(segment)
        try:
            self.flash.remove(segment.name)
        except OSError as error:
            if error.args[0] != errno.ENOENT:
                self._dead.append(segment)  # its epochs are told to the hub until it is gone: else a start could tell them anew

    def tidy(self):
        """Write what is in RAM, and remove what is acked, however little it is: before a hello, or before sleep."""
        self.store()
        self._forget_acked(is_closing=True)

    def is_empty(self):
        """Tell whether everything that was made is acked."""
        return self.waiting_frames() == 0

    def waiting_frames(self):
        """Return how many frames are not acked."""
        return sum(epoch.last - epoch.first + 1 for epoch in self.epochs.values() if epoch.no not in self.gone)

    def is_pending(self, no, seq):
        """Tell whether a frame is still here and not acked."""
        epoch = self.epochs.get(no)
        if epoch is None or not epoch.first <= seq <= epoch.last:
            return False
        return any(entry[0] == no and entry[1] == seq for entry in self._ram) or any(
            run[0] == no and run[1] <= seq <= run[2] for segment in self._segments for run in segment.runs
        )

    def close(self):
        """Write what is in RAM and let go of the files."""
        self.tidy()
        self._close_cursor()
        self._end_segment()
        if self.flash is not None:
            self.flash.done("s%08d" % self._state_no)


def _joined(one, other):
    """Join two counts of readings, each with its time range."""
    from_us = other[1] if one[1] is None else one[1] if other[1] is None else min(one[1], other[1])
    to_us = other[2] if one[2] is None else one[2] if other[2] is None else max(one[2], other[2])
    return one[0] + other[0], from_us, to_us


# --- WebSocket --------------------------------------------------------------------------------------------------------------

_VIPER = """
import micropython
@micropython.viper
def mask(data: ptr8, size: int, key: ptr8):
    i = 0
    while i < size:
        data[i] = data[i] ^ key[i & 3]
        i += 1
"""


def mask_slowly(data, size, key):
    """XOR a buffer with the four bytes of `key`, 64 bytes at a time."""
    whole = int.from_bytes(bytes(key) * 16, "big")
    for at in range(0, size, 64):
        piece = bytes(data[at : at + 64])
        missing = 64 - len(piece)
        number = int.from_bytes(piece + bytes(missing), "big") ^ whole
        data[at : at + 64] = number.to_bytes(64, "big")[: 64 - missing]


def _compiled_mask():
    found = {}
    try:
        exec(_VIPER, found)  # a port without a native emitter refuses the decorator when it compiles
    except (SyntaxError, ImportError):
        return mask_slowly
    return found["mask"]


mask = _compiled_mask()


class WebSocket:
    """The client's side of RFC 6455 on a stream pair: messages of at most `max_bytes` are kept, larger ones read past."""

    def __init__(self, reader, writer, max_bytes):
        self._reader = reader
        self._writer = writer
        self._max_bytes = max_bytes
        self._buffer = b""
        self._at = 0
        self._message = None
        self._total = -1  # of the message whose fragments are coming; -1: none are
        self.writing_since = None

    async def upgrade(self, host, path, token):
        """Ask for the upgrade. Raises Refused, _Ended with an HTTP status."""
        key = binascii.b2a_base64(os.urandom(16)).strip()
        status, fields = await self.ask(
            (
                "GET %s HTTP/1.1" % path,
                "Host: %s" % host,
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Key: %s" % key.decode(),
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Protocol: tributary.device.v1",
                "Authorization: Bearer %s" % token,
            )
        )
        if status != 101:
            said = await self.said(fields)
            reason = str(said.get("message", "HTTP status %d" % status))[:200]
            if status in (401, 403) and "code" in said:  # else it is a proxy's word
                raise Refused(status, reason)
            raise _Ended(status, reason, _retry_s(fields))
        if fields.get("upgrade", "").lower() != "websocket" or not _is_accepted(key, fields.get("sec-websocket-accept", "")):
            raise _Ended(1002, "the answer to the upgrade does not fit its key")
        if fields.get("sec-websocket-protocol") != "tributary.device.v1" or "sec-websocket-extensions" in fields:
            raise _Ended(1002, "another subprotocol, or an extension")

    async def ask(self, lines, body=b""):
        """Send a request; return (status, fields) of the answer, names in lower case. Raises _Ended."""
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        await self._writer.drain()
        head = await self._head()
        try:
            status = int(head[0].split(" ")[1])
        except (IndexError, ValueError):
            raise _Ended(1002, "no HTTP answer") from None
        fields = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        return status, fields

    async def said(self, fields):
        """Return the map in an answer's body; an empty one for a proxy's answer."""
        import json

        size = fields.get("content-length", "")
        try:
            said = json.loads(await self._take(int(size)) if size.isdigit() and int(size) <= 1024 else b"{}")
        except (ValueError, _Ended):
            return {}
        return said if isinstance(said, dict) else {}

    async def _head(self):
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            if len(self._buffer) > _MAX_HEAD:
                raise _Ended(1002, "an answer without end")
            await self._fill()
        head = self._buffer[:end]
        self._at = end + 4
        if max(head) > 126:
            raise _Ended(1002, "an answer that is no HTTP")
        return head.decode().split("\r\n")

    async def _fill(self):
        piece = await self._reader.read(_CHUNK)
        if not piece:
            raise _Ended(1006, "the connection broke")
        self._buffer = self._buffer[self._at :] + piece
        self._at = 0

    async def _take(self, size):
        while len(self._buffer) - self._at < size:
            await self._fill()
        self._at += size
        return self._buffer[self._at - size : self._at]

    async def receive(self):
        """Return (opcode, payload) of the next message or control frame; payload None: it was too large. Raises _Ended."""
        while True:
            first, second = await self._take(2)
            size = second & 127
            if size > 125:
                size = int.from_bytes(await self._take(2 if size == 126 else 8), "big")
            opcode = first & 15
            if first & 0x70 or second & 0x80:
                raise _Ended(1002, "a frame with reserved bits, or masked")
            if opcode >= 8:
                if size > 125 or not first & 0x80 or opcode > 10:
                    raise _Ended(1002, "a control frame that is none")
                return opcode, await self._take(size)
            if opcode == 1:
                raise _Ended(1003, "a text message")
            if opcode > 2 or (opcode == 0) == (self._total < 0):
                raise _Ended(1002, "a fragment out of place")
            if opcode == 2:
                self._total, self._message = 0, bytearray()
            self._total += size
            if self._total > _MAX_MESSAGE:
                raise _Ended(1009, "a message over 65,536 bytes")
            await self._payload(size)
            if first & 0x80:
                self._total = -1
                message, self._message = self._message, None
                return 2, message

    async def _payload(self, size):
        if self._total > self._max_bytes:
            self._message = None
        while size:
            if self._at == len(self._buffer):
                await self._fill()
            piece = self._buffer[self._at : self._at + size]
            self._at += len(piece)
            size -= len(piece)
            if self._message is not None:
                self._message.extend(piece)

    async def send(self, opcode, payload):
        """Send one frame. Only one task may. Cancelled, the connection is of no use."""
        size = len(payload)
        key = os.urandom(4)
        frame = bytearray([0x80 | opcode, 0x80 | (size if size < 126 else 126)])
        if size > 125:
            frame.extend(struct.pack(">H", size))
        frame.extend(key)
        start = len(frame)
        frame.extend(payload)
        mask(memoryview(frame)[start:], size, key)
        self.writing_since = _ticks_ms()
        self._writer.write(frame)
        await self._writer.drain()
        self.writing_since = None

    async def close(self, code):
        """Say so where nothing is half sent, and close."""
        try:
            if self.writing_since is None and code >= 1000:
                await asyncio.wait_for(self.send(8, struct.pack(">H", code)), 2)
        except (OSError, asyncio.TimeoutError):
            pass
        try:
            self._writer.close()
            await asyncio.wait_for(self._writer.wait_closed(), 2)
        except (OSError, asyncio.TimeoutError):
            pass


def _is_accepted(key, said):
    sha1 = getattr(hashlib, "sha1", None)
    if sha1 is None:
        return bool(said)  # ports without SHA-1 cannot check it; who the hub is is TLS's business in any case
    digest = sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return said == binascii.b2a_base64(digest).strip().decode()


def _place(url):
    """Return (host, port, is_tls, path, what Host says) of a hub's address. Raises ValueError."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("ws", "wss", "http", "https") or not rest:
        raise ValueError("%s is no address of a hub; give something like ws://192.168.1.10:8080" % url)
    authority, _, path = rest.partition("/")
    is_tls = scheme in ("wss", "https")
    host, port = authority, 443 if is_tls else 80
    if authority[0] == "[":
        host, _, after = authority[1:].partition("]")
        port = int(after[1:]) if after else port
    elif ":" in authority:
        host, _, after = authority.partition(":")
        port = int(after)
    return host, port, is_tls, "/" + (path or "v1/device"), authority


def _retry_s(fields):
    retry = fields.get("retry-after", "")
    return int(retry[:5]) if retry.isdigit() else None


async def _dial(url, tls, max_bytes):
    """Return (a WebSocket whose upgrade is not asked for yet, what Host says, path)."""
    host, port, is_tls, path, authority = _place(url)
    if is_tls and tls is None:
        if _IS_MICRO:
            raise ValueError("wss:// needs tls=trust('ca.der'): this board knows no authorities by itself")
        import ssl

        tls = ssl.create_default_context()
    if is_tls:
        reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=host)
    else:
        reader, writer = await asyncio.open_connection(host, port)
    return WebSocket(reader, writer, max_bytes), authority, path


async def _connect(url, token, tls, max_bytes):
    socket, authority, path = await _dial(url, tls, max_bytes)
    try:
        await socket.upgrade(authority, path, token)
    except BaseException:
        await socket.close(0)
        raise
    return socket


# --- registration -----------------------------------------------------------------------------------------------------------


async def register(url, name, key, folder, title=None, tls=None, on_log=print):
    """Return this device's token: what is kept in `folder` (the spool's will do), else ask the hub for it until it answers.

    `key` is a provisioning key. The nonce is in flash before anything is asked, so an answer that was lost is given again. Raises Refused
    where somebody has to act, and OSError where flash takes nothing: without the token in it a next start would have none.
    """
    import json

    flash = Folder(folder) if isinstance(folder, str) else folder
    token = _kept_text(flash, "token")
    if token is None:
        nonce = _kept_text(flash, "nonce") or _keep_text(flash, "nonce", binascii.hexlify(os.urandom(16)).decode())
        wish = {"name": name, "nonce": nonce}
        if title is not None:
            wish["title"] = title
        body, attempt = json.dumps(wish).encode(), 0
        while True:
            retry_s = None
            try:
                token = await asyncio.wait_for(_ask_for_token(url, key, body, tls), 20)
                break
            except _Ended as end:
                said, retry_s = "%s %s" % end.args[:2], end.args[2] if len(end.args) > 2 else None
            except (OSError, asyncio.TimeoutError) as error:
                said = _short(error)
            delay_s = (retry_s or 0) + _uniform(min(_MAX_BACKOFF_S, 1 << min(attempt, 6)))
            on_log("not registered: %s; trying again in %.1f s" % (said, delay_s))
            attempt += 1
            await asyncio.sleep(delay_s)
        _keep_text(flash, "token", token)
    if "nonce" in flash.names():
        flash.remove("nonce")
    return token


async def _ask_for_token(url, key, body, tls):
    socket, authority, path = await _dial(url, tls, 0)
    try:
        base = path[:-10] if path.endswith("/v1/device") else path
        lines = (
            "POST %s/api/v1/provision HTTP/1.1" % base,
            "Host: %s" % authority,
            "Authorization: Bearer %s" % key,
            "Content-Type: application/json",
            "Content-Length: %d" % len(body),
            "Connection: close",
        )
        status, fields = await socket.ask(lines, body)
        said = await socket.said(fields)
    finally:
        await socket.close(0)
    if status in (200, 201) and isinstance(said.get("token"), str):
        return said["token"]
    reason = str(said.get("message", "HTTP status %d" % status))[:200]
    if 400 <= status < 500 and status not in (408, 425, 429) and "code" in said:  # else it is a proxy's word
        raise Refused(status, reason)
    raise _Ended(status, reason, _retry_s(fields))


def _kept_text(flash, name):
    """Return the text in a file; None where there is none, or a power cut has torn it."""
    if name not in flash.names():
        return None
    with flash.read(name) as file:
        found = read_record(file)
    if found is not None and found[0]:
        return found[1].decode()
    flash.remove(name)
    return None


def _keep_text(flash, name, text):
    flash.append(name, record(_STATE, text.encode()))
    flash.done(name)
    return text


# --- documents --------------------------------------------------------------------------------------------------------------


def is_same(one, other):
    """Tell whether two values of documents are equal: 1 and 1.0 are, true and 1 are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(key in other and is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_same(a, b) for a, b in zip(one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def delta(desired, reported):
    """Return what of `desired` is not reported so."""
    found = {}
    for key in desired:
        value, has = desired[key], reported.get(key)
        if isinstance(value, dict) and isinstance(has, dict):
            below = delta(value, has)
            if below:
                found[key] = below
        elif key not in reported or not is_same(value, has):
            found[key] = value
    return found


def merged(document, patch):
    """Return a document with a patch merged in: None removes (RFC 7396)."""
    result = dict(document)
    for key in patch:
        value = patch[key]
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


def _check_document(value, depth=0):
    """Raise ValueError where a value is in no document."""
    if isinstance(value, dict):
        if depth > 2 or len(value) > _MAX_MAP or not all(isinstance(key, str) and 0 < len(key.encode()) <= 64 for key in value):
            raise ValueError("a map in a document is nested 3 deep, and its keys are texts of 1 to 64 bytes")
        for key in value:
            _check_document(value[key], depth + 1)
    elif isinstance(value, (list, tuple)):
        if depth > 2:
            raise ValueError("an array in a document is nested 3 deep")
        for item in value:
            _check_document(item, depth + 1)
    elif isinstance(value, float):
        if value - value != 0:
            raise ValueError("a number in a document is finite")
    elif not isinstance(value, (bool, int, str)):
        raise ValueError("%s is in no document" % type(value))


def _is_started(value):
    return hasattr(value, "send") and hasattr(value, "throw")  # a coroutine, in both Pythons


def _short(error):
    # One character has four bytes at most.
    return ("%s: %s" % (type(error).__name__, error))[:250]


# --- the device -------------------------------------------------------------------------------------------------------------

_FINAL = ("done", "failed", "rejected", "expired", "cancelled")
_TYPES = {"number": (int, float), "integer": (int,), "bool": (bool,), "text": (str,)}


class Job:
    """A command that runs; its function gets it as the first argument."""

    def __init__(self, device, id_):
        self.id = id_
        self._device = device
        self.task = None
        self.has_begun = False
        self.is_cancelled = False

    def progress(self, fraction):
        """Tell how far it is, 0 ... 1."""
        self._device.say((("op", "result"), ("id", self.id), ("state", "running"), ("progress", min(max(float(fraction), 0.0), 1.0))))


class Device:
    """A device of a hub: `send` readings at any time, and have `run` (or `visit`) running as an asyncio task.

    `channels` are tuples (name, unit, kind) or maps as in hello. `spool`: a folder; None keeps frames in RAM only. `batch_ms`: readings of
    so long go into one frame. `write_behind_ms` 0 writes each frame to flash before it is sent; else a frame that is acked within so long
    is never written, and a power cut may lose what is younger. `clock` returns µs since 1970 or None; without one the hub's time is taken.
    `tls`: a context of `trust`. `on_log` gets one line for people.
    """

    def __init__(
        self,
        url,
        name,
        token,
        channels,
        spool=None,
        spool_bytes=65536,
        ram_bytes=4096,
        batch_ms=0,
        write_behind_ms=0,
        interval_s=None,
        sleep_s=None,
        firmware=VERSION,
        clock=None,
        tls=None,
        max_message_bytes=2048,
        max_ids=16,
        on_reject=None,
        on_log=print,
    ):
        _place(url)
        self.url, self.name, self.token, self.tls = url, name, token, tls
        self.batch_ms, self.write_behind_ms = batch_ms, write_behind_ms
        self.interval_s, self.sleep_s, self.firmware = interval_s, sleep_s, firmware
        self.max_message_bytes, self.max_ids = max(max_message_bytes, 1024), max_ids
        self.on_log = on_log
        self.on_reject = on_reject or (lambda reject: on_log("rejected: %s %s" % (reject.get("code"), reject.get("reason"))))
        self.channels = [each if isinstance(each, dict) else {"name": each[0], "unit": each[1], "kind": each[2]} for each in channels]
        self._index = {each["name"]: i for i, each in enumerate(self.channels)}
        self._last = [None] * len(self.channels)  # the newest stamp of each: no two are the same
        self._clock = clock or (lambda: None)
        self.uptime = Uptime()
        self.commands = {}  # name -> (function, spec)
        self.jobs = {}
        self._on_desired = None
        self._work = []  # what the shadow has to look at
        self._has_work = asyncio.Event()
        self._floor = 0  # reports up to this number are the hub's already
        self._report_at = (0, 0)
        self._offset = None  # the hub's time minus the uptime, as of the last welcome
        self._batch = None
        self._max_readings = 64
        self._unwritten_since = None
        self.is_connected = False
        self.connects = 0
        self._socket = None
        self._stumbled = None
        self._redraws = 0
        self._begin_session()
        flash = Folder(spool) if isinstance(spool, str) else spool
        self.spool = Spool(flash, packed(self.channels), spool_bytes, ram_bytes)
        if self.spool.current is None:
            self.spool.begin_epoch()
        self._recover()

    # readings

    def send(self, values, time_us=None):
        """Take readings, a map of channel to value, of one time (default: now). Raises ValueError, with nothing taken."""
        checked = []
        for name in values:
            index = self._index.get(name)
            if index is None:
                raise ValueError("there is no channel %s" % name)
            self._check(self.channels[index], values[name])
            checked.append((index, values[name]))
        if time_us is None:
            time_us = self._clock()
        kind = _UNDATED if time_us is None else _DATED
        now = self.uptime.us() if time_us is None else time_us
        for index, value in checked:
            self._append(kind, index, now, value)
        if not self.batch_ms:
            self.flush()

    def _check(self, channel, value):
        kind = channel["kind"]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0
        if isinstance(value, int) and not -(1 << 63) <= value < (1 << 63):
            raise ValueError("%s: %d is no int64" % (channel["name"], value))
        if kind in ("gauge", "counter"):
            fits = is_number
        elif kind == "position":
            fits = isinstance(value, (list, tuple)) and len(value) == 2 and -90 <= value[0] <= 90 and -180 <= value[1] <= 180
        elif kind == "state":
            fits = isinstance(value, bool) or (isinstance(value, str) and value in channel.get("values", (value,)))
        else:
            fits = isinstance(value, str)
        if not fits or (isinstance(value, str) and len(value.encode()) > 256):
            raise ValueError("%s takes no %s" % (channel["name"], str(value)[:40]))

    def _append(self, kind, index, time_us, value):
        last = self._last[index]
        if last is not None and time_us <= last < time_us + 1000:
            time_us = last + 1
        self._last[index] = time_us
        batch = self._batch
        body = packed(value)
        # Beside its value a reading has 3 bytes for the channel and 9 for the time at most.
        if batch is not None and (
            batch[0] != kind
            or batch[5] >= self._max_readings
            or len(batch[2]) + len(batch[3]) + len(batch[4]) + len(body) + 12 > _FRAME_BYTES - _FRAME_HEAD
        ):
            self.flush()
            batch = None
        if batch is None:
            batch = self._batch = [kind, time_us, bytearray(), bytearray(), bytearray(), 0, _ticks_ms()]
        pack(index, batch[2])
        pack(time_us - batch[1], batch[3])
        batch[4].extend(body)
        batch[5] += 1

    def flush(self):
        """Make a frame of the readings that wait for more."""
        batch, self._batch = self._batch, None
        if batch is None:
            return
        arrays = []
        for body in batch[2:5]:
            array = bytearray()
            _pack_size(batch[5], 0x90, 16, b"\x00\xdc\xdd", array)
            array.extend(body)
            arrays.append(Packed(array))
        self.say((("op", "data"), ("t", batch[1]), ("c", arrays[0]), ("d", arrays[1]), ("v", arrays[2])), batch[0])

    def send_pack(self, name, values, step_us, start_us=None, form="f4"):
        """Take many readings of one channel, `step_us` apart: little-endian floats of `form` in a buffer, or a list of numbers.

        Without `start_us` the last one is of now.
        """
        index = self._index[name]
        size = 4 if form == "f4" else 8
        if isinstance(values, (list, tuple)):
            values = struct.pack("<%d%s" % (len(values), "f" if size == 4 else "d"), *values)
        values = memoryview(values)
        values = values if len(bytes(values[:1])) == 1 else memoryview(bytes(values))  # an array's view counts items
        count = len(values) // size
        kind = _DATED
        if start_us is None:
            start_us = self._clock()
            if start_us is None:
                kind, start_us = _UNDATED, self.uptime.us()
            start_us -= step_us * (count - 1)
        self.flush()
        room = (_FRAME_BYTES - _FRAME_HEAD) // size
        for at in range(0, count, room):
            some = Packed(bytearray())
            pack(values[at * size : (at + room) * size], some.data)
            fields = (("op", "pack"), ("t", start_us + at * step_us), ("c", index), ("step_ns", step_us * 1000), ("f", form), ("v", some))
            self.say(fields, kind)

    def log(self, level, text):
        """Send a line for the device's log at the hub; level is debug, info, warning or error."""
        now = self._clock()
        kind = _UNDATED if now is None else _DATED
        self.say((("op", "log"), ("t", self.uptime.us() if now is None else now), ("level", level), ("text", text[:1000])), kind)

    def say(self, fields, kind=_DATED):
        """Keep a frame and have it sent; return its (epoch's number, seq)."""
        place = self.spool.add(fields, kind)
        if self.write_behind_ms:
            self._unwritten_since = self._unwritten_since or _ticks_ms()
        else:
            self.spool.store()
        self._wake.set()
        return place

    def hub_time_us(self):
        """Return the hub's time by the last welcome and the uptime since; None before the first one."""
        return None if self._offset is None else self._offset + self.uptime.us()

    # commands

    def command(self, name, description=None, **args):
        """Decorate a function, async or not, that runs a command: it gets a Job and the arguments; what it returns is the value.

        `args` maps names to rules as in hello: {"type": "number", "min": 0}.
        """

        def take(function):
            spec = {"name": name, "args": args}
            if description:
                spec["description"] = description
            self.commands[name] = (function, spec)
            return function

        return take

    def _recover(self):
        """What had begun before this start is over; what was not acked is said again."""
        ids = self.spool.ids
        interrupted = [id_ for id_ in ids if ids[id_][1] not in _FINAL]
        for id_ in interrupted:
            ids[id_] = [ids[id_][0], "failed", None, "interrupted", 0, 0, False]
        self.spool.try_keep(*[["id", id_] + ids[id_] for id_ in interrupted])
        for id_ in list(ids):
            if not ids[id_][6] and not self.spool.is_pending(ids[id_][4], ids[id_][5]):
                self._say_result(id_)
        if self.spool.desired[0]:
            self._work.append("apply")

    def _say_result(self, id_):
        entry = self.spool.ids[id_]
        fields = [("op", "result"), ("id", id_), ("state", entry[1])]
        if entry[2] is not None:
            fields.append(("value", entry[2]))
        if entry[3] is not None:
            fields.append(("reason", entry[3]))
        entry[4], entry[5] = self.say(fields)

    def _record(self, id_, state, value=None, reason=None, expires_us=None):
        """Write the state of a command down, then say it. Raises OSError where it cannot be written; then nothing is said."""
        ids = self.spool.ids
        before = ids.get(id_)
        if expires_us is None:
            expires_us = before[0] if before else 0
        ids[id_] = [expires_us, state, value, reason, 0, 0, False]
        try:
            self.spool.keep(["id", id_] + ids[id_])
        except OSError:
            if before is None:
                del ids[id_]
            else:
                ids[id_] = before
            raise
        self._say_result(id_)

    def _take_command(self, message):
        id_, name, args, ttl_s = message.get("id"), message.get("name"), message.get("args"), message.get("ttl_s")
        if not isinstance(id_, str) or len(id_) > 64 or not isinstance(name, str) or not isinstance(args, dict):
            raise BadMessage("a command that is none")
        if not isinstance(ttl_s, (int, float)) or self._is_stale(message):
            return
        if id_ in self.spool.ids:
            self._say_result(id_)  # said again, not run again
            return
        now = self.hub_time_us() or 0
        expires_us = now + int(min(max(ttl_s, 0), 1e9) * 1000000)
        self._forget_ids(now)
        busy = sum(entry[1] == "rejected" and entry[3] == "busy" for entry in self.spool.ids.values())
        if len(self.spool.ids) - busy >= self.max_ids or len(self.jobs) >= self.max_ids:
            if busy < self.max_ids:  # else it is not answered: what cannot be remembered must not be
                self._record(id_, "rejected", None, "busy", expires_us)
            return
        known = self.commands.get(name)
        try:
            if known is None:
                raise ValueError("unknown command %s" % name[:64])
            args = _checked_args(known[1]["args"], args)
        except ValueError as error:
            self._record(id_, "rejected", None, str(error)[:250], expires_us)
            return
        if ttl_s <= 0:
            self._record(id_, "expired", None, None, expires_us)
            return
        self._record(id_, "accepted", None, None, expires_us)
        job = self.jobs[id_] = Job(self, id_)
        job.task = asyncio.create_task(self._run_command(job, known[0], args))

    async def _run_command(self, job, function, args):
        job.has_begun = True
        state, value, reason = "done", None, None
        try:
            value = function(job, **args)
            if _is_started(value):
                value = await value
            unpack(packed([[[value]]]))  # so deep it lies in a hello
            if len(packed(value)) > self.max_message_bytes:
                raise ValueError("it ran, but its value is over %d bytes" % self.max_message_bytes)
        except asyncio.CancelledError:
            if not job.is_cancelled:  # the whole program ends: reported as interrupted at the next start
                raise
            state, value = "cancelled", None
        except Exception as error:  # the caller's own function: whatever it raises is the outcome
            state, value, reason = "failed", None, _short(error)
        self.jobs.pop(job.id, None)
        self._end_command(job.id, state, value, reason)

    def _end_command(self, id_, state, value, reason):
        try:
            self._record(id_, state, value, reason)
        except OSError as error:
            self.on_log("the end of command %s is not written: %s" % (id_, error))
            self.spool.ids[id_][1:4] = [state, value, reason]
            self._say_result(id_)

    def _take_cancel(self, message):
        id_ = message.get("id")
        if not isinstance(id_, str) or len(id_) > 64:
            raise BadMessage("a cancel that is none")
        if self._is_stale(message):
            return
        job = self.jobs.get(id_)
        if job is not None:
            job.is_cancelled = True
            job.task.cancel()
            if not job.has_begun:  # then nothing of it will run, not even its end
                del self.jobs[id_]
                self._end_command(id_, "cancelled", None, None)
        elif id_ in self.spool.ids:
            self.say((("op", "result"), ("id", id_), ("state", "too_late")))
        elif len(self.spool.ids) < 2 * self.max_ids:
            # Written down, so that it is not begun if it comes after all.
            self._record(id_, "cancelled", None, None, (self.hub_time_us() or 0) + 86400000000)

    def _is_stale(self, message):
        """Tell whether who sent this no longer speaks for the hub. A higher fence is written down before any id, or with it."""
        fence = message.get("fence")
        if not isinstance(fence, int) or fence == self.spool.fence:
            return False
        if fence < self.spool.fence:
            return True
        self.spool.fence = fence
        self.spool.try_keep(["fence", fence])
        return False

    def _forget_ids(self, now_us):
        ids = self.spool.ids
        for id_ in list(ids):
            if ids[id_][1] in _FINAL and ids[id_][6] and ids[id_][0] < now_us:
                del ids[id_]
                self.spool.try_keep(["no id", id_], is_sync=False)

    # shadow

    def on_desired(self, function):
        """Decorate the function that applies what is desired: it gets the document and the delta, and returns what to report.

        None reports the document itself; what it raises is reported as the error. It may be async, and is called again at each start.
        """
        self._on_desired = function
        return function

    @property
    def reported(self):
        """What this device reported last, a map."""
        return self.spool.reported[2]

    def report(self, patch):
        """Merge a map into what this device reports of itself, None removing a key. Raises ValueError where that is no document."""
        before = self.spool.reported
        document = self._reportable(before[2], patch)
        if not is_same(document, before[2]):
            self._say_reported(before[1], document, before[3], before[4])

    def _reportable(self, document, patch):
        document = merged(document, patch)
        _check_document(document)
        if len(packed(document)) > 8192:
            raise ValueError("a document has 8,192 bytes at most")
        return document

    def _say_reported(self, version, document, error, failed):
        n = max(self.spool.reported[0] + 1, self._floor + 1, (self.hub_time_us() or 0) // 1000)
        self.spool.reported = [n, version, document, error, failed]
        self.spool.try_keep(["reported"] + self.spool.reported)  # a count that is lost goes on from the hub's
        fields = [("op", "reported"), ("n", n), ("version", failed if error is not None else version), ("document", document)]
        if error is not None:
            fields.append(("error", error))
        self._report_at = self.say(fields)

    def _applied(self):
        version, error = self.spool.reported[1], self.spool.reported[3]
        return version if error is None and version == self.spool.desired[0] else None

    def _take_desired(self, message):
        version, document = message.get("version"), message.get("document")
        if not isinstance(version, int) or not isinstance(document, dict):
            raise BadMessage("a desired document that is none")
        if self._on_desired is not None and version != self._applied():
            self.spool.desired = [version, document]
            self.spool.try_keep(["desired", version, document])  # lost, it comes again
            self._work.append("apply")
            self._has_work.set()

    async def _do_work(self):
        """Apply what is desired, one document after the other."""
        while True:
            while self._work and self._on_desired is not None:
                seen = len(self._work)  # what comes meanwhile is applied after it
                await self._apply()
                self._work = self._work[seen:]
            self._has_work.clear()
            await self._has_work.wait()

    async def _apply(self):
        version, wanted = self.spool.desired
        error = None
        try:
            said = self._on_desired(unpack(packed(wanted)), delta(wanted, self.spool.reported[2]))
            if _is_started(said):
                said = await said
            document = self._reportable(self.spool.reported[2], wanted if said is None else said)
        except Exception as problem:  # the caller's own function: whatever it raises is reported
            error, document = _short(problem), self.spool.reported[2]
        before = self.spool.reported
        after = [before[1], document, error, version] if error is not None else [version, document, None, 0]
        if before[1] != after[0] or before[3:] != after[2:] or not is_same(before[2], document):
            self._say_reported(*after)

    def _compare_reports(self, number):
        """Report again where the hub lacks the newest report, or has one from before this spool."""
        mine = self.spool.reported
        if isinstance(number, int) and mine[0] and number != mine[0]:
            self._floor = max(self._floor, number)
            if number > mine[0] or not self.spool.is_pending(*self._report_at):
                self._say_reported(*mine[1:])

    # connections

    def _begin_session(self):
        self._wake = asyncio.Event()
        self._over = asyncio.Event()
        self._end = None
        self._bye = None
        self._bye_by = None
        self._pongs = []
        self._ping_at = self._heard_at = _ticks_ms()
        self._heartbeat_ms = 20000
        self._in_flight = []  # (number, seq, last, bytes, is live), in the order of sending
        self._windows = ([0, 0], [0, 0])  # live, backfill: frames, bytes
        self._backfill = []

    async def run(self):
        """Be connected as far as that can be, for ever. Raises Refused where somebody has to act first."""
        await self._live(None)

    async def visit(self, listen_ms=1000, timeout_ms=30000):
        """Connect, send everything, take commands for `listen_ms` and until they have ended, leave: for devices that sleep.

        Returns whether everything was acked; what was not stays in the spool. Raises Refused.
        """
        return await self._live((_ticks_ms(), listen_ms, timeout_ms))

    async def _live(self, plan):
        self._begin_session()
        tasks = [asyncio.create_task(self._tick(plan)), asyncio.create_task(self._do_work())]
        attempt = 0
        try:
            while plan is None or (not self.is_connected and _ticks_diff(_ticks_ms(), plan[0]) < plan[2]):
                begun = _ticks_ms()
                end, was_welcomed = await self._session()
                if plan is not None and end[0] == 1000 and was_welcomed:
                    break
                if was_welcomed and _ticks_diff(_ticks_ms(), begun) > _STEADY_MS:
                    attempt = 0
                delay_s = self._after(end, attempt)
                self.on_log("not connected: %s %s; trying again in %.1f s" % (end[0], end[1], delay_s))
                attempt += 1
                gc.collect()
                left_s = delay_s if plan is None else min(delay_s, max(plan[2] - _ticks_diff(_ticks_ms(), plan[0]), 0) / 1000)
                await asyncio.sleep(left_s)
        finally:
            for task in tasks:
                task.cancel()
            self.flush()
            self.spool.tidy()
        return self.spool.is_empty()

    async def _session(self):
        """Be connected once; return how it ended, and whether the hub had welcomed this device."""
        self.flush()
        self._begin_session()
        tasks = []
        was_welcomed = False
        try:
            hello = self._prepare()
            self._socket = await asyncio.wait_for(_connect(self.url, self.token, self.tls, self.max_message_bytes), 20)
            await asyncio.wait_for(self._open(hello), 60)
            del hello
            was_welcomed = self.is_connected = True
            self.connects += 1
            self._redraws = 0
            tasks = [asyncio.create_task(self._guard(self._send_all)), asyncio.create_task(self._guard(self._receive_all))]
            await self._over.wait()
        except _Ended as end:
            self._finish(end.args)
        except asyncio.TimeoutError:
            self._finish((1006, "no answer in time"))
        except Refused:
            raise
        except Exception as error:  # whatever a hub or a network does ends this connection and nothing else
            self._finish((1006 if isinstance(error, OSError) else 1002, _short(error)))
        finally:
            self.is_connected = False
            for task in tasks:
                task.cancel()
            if self._socket is not None:
                socket, self._socket = self._socket, None
                await socket.close(self._end[0] if self._end else 1001)
        bye = self._bye
        if bye is not None and self._end[0] in (1000, 1005, 1006):
            self._end = (bye.get("code"), bye.get("reason"))
        return self._end, was_welcomed

    async def _guard(self, part):
        try:
            await part()
        except _Ended as end:
            self._finish(end.args)
        except Exception as error:  # as in _session
            self._finish((1006 if isinstance(error, OSError) else 1002, _short(error)))

    def _finish(self, end):
        if self._end is None:
            self._end = end
        self._over.set()

    def _prepare(self):
        """Choose the live epoch, write down what the hub will know of, and return hello."""
        spool = self.spool
        spool.tidy()
        current = spool.current
        unfinished = spool.unfinished()
        goes_on = current.last and current.first <= current.last and len(unfinished) >= _REUSE_FROM
        if not goes_on and (current.last or current.is_said):
            spool.begin_epoch()
            self._last = [None] * len(self.channels)
        while len(spool.unfinished()) > _MAX_UNFINISHED - 1:
            spool.give_up(spool.unfinished()[0])
        spool.sent = {}
        told = [epoch for epoch in spool.unfinished() + [spool.current] if not epoch.is_said]
        self._listed = [e for e in spool.unfinished() if e is not spool.current or e.is_said]
        for epoch in told:
            epoch.is_said = True
        kept = [epoch for epoch in told if epoch.is_kept]
        if not spool.try_keep(*[["epoch", e.no, e.epoch, e.channels, e.offset, True] for e in kept]):
            # A start that goes by flash would go on with their numbers: they wait, and what is new goes by one that is in RAM alone.
            for epoch in kept:
                epoch.is_said = False
            if spool.current in kept:
                spool.begin_epoch()
                spool.current.is_said = True
            self._listed = [e for e in self._listed if e.is_said]
        self._backfill = [epoch.no for epoch in self._listed if epoch is not spool.current]
        return packed(self._hello())

    def _hello(self):
        spool = self.spool
        unfinished = []
        for epoch in self._listed:
            entry = {"epoch": epoch.epoch, "first": min(epoch.first, epoch.last), "last": epoch.last}
            if epoch.channels != spool.channels:
                entry["channels"] = Packed(spool.channels_of(epoch.channels))
            unfinished.append(entry)
        hello = {"op": "hello", "device": self.name, "epoch": spool.current.epoch, "unfinished": unfinished}
        hello["channels"] = self.channels
        hello["firmware"] = self.firmware
        hello["max_message_bytes"] = self.max_message_bytes
        if self.commands:
            hello["commands"] = [self.commands[name][1] for name in self.commands]
        results, room = [], _RESULTS_BYTES
        for id_ in spool.ids:
            if not spool.ids[id_][6] or spool.ids[id_][1] not in _FINAL:
                outcome = packed(self._outcome(id_))
                if len(outcome) <= room:  # what has no room here comes as a frame in its turn
                    room -= len(outcome)
                    results.append(Packed(outcome))
        if results:
            hello["results"] = results
        for key in ("interval_s", "sleep_s"):
            if getattr(self, key) is not None:
                hello[key] = getattr(self, key)
        now = self._clock()
        hello["uptime_us" if now is None else "clock_us"] = self.uptime.us() if now is None else now
        if self._on_desired is not None:
            hello["shadow"] = {"version": self._applied() or 0, "reported": spool.reported[0]}
        if spool.fence:
            hello["fence"] = spool.fence
        return hello

    def _outcome(self, id_):
        entry = self.spool.ids[id_]
        outcome = {"id": id_, "state": entry[1]}
        if entry[2] is not None:
            outcome["value"] = entry[2]
        if entry[3] is not None:
            outcome["reason"] = entry[3]
        return outcome

    async def _open(self, hello):
        """Say hello and take the welcome."""
        await self._socket.send(2, hello)
        while True:
            message = await self._next_message()
            await self._answer_pings()
            if message is not None and message.get("op") == "welcome":
                break
        self._take_welcome(message)

    def _take_welcome(self, message):
        spool = self.spool
        time_us, marks, limits = message.get("time_us"), message.get("marks"), message.get("limits")
        if not isinstance(time_us, int) or not isinstance(marks, list) or not isinstance(limits, dict):
            raise BadMessage("a welcome that is none")
        self._offset = time_us - self.uptime.us()
        self._grant(message.get("credit"))
        fixed = []
        for epoch in spool.epochs.values():
            needs = epoch.has_undated or (epoch is spool.current and self._clock() is None)
            if epoch.is_ours and epoch.offset is None and needs:
                epoch.offset = self._offset
                fixed.append(epoch)
        entries = [["epoch", e.no, e.epoch, e.channels, e.offset, e.is_said] for e in fixed if e.is_kept]
        if isinstance(message.get("fence"), int) and message["fence"] > spool.fence:
            spool.fence = message["fence"]
            entries.append(["fence", spool.fence])
        if not spool.try_keep(*entries) and any(epoch.is_kept and epoch.is_said for epoch in fixed):
            for epoch in fixed:
                epoch.offset = None  # nothing was sent by it
            raise OSError(errno.EIO, "the hub's time is not written")
        self._ack(marks, False)
        heartbeat_s = message.get("heartbeat_s")
        if isinstance(heartbeat_s, (int, float)) and 0.1 <= heartbeat_s <= 3600:
            self._heartbeat_ms = int(heartbeat_s * 1000)
        if isinstance(limits.get("readings"), int):
            self._max_readings = min(64, max(limits["readings"], 1))
        if self._on_desired is not None:
            self._compare_reports(message.get("reported"))

    async def _answer_pings(self):
        while self._pongs:
            await self._socket.send(10, self._pongs.pop(0))

    async def _next_message(self):
        """Return the next message as a map, None where it was something else. Raises _Ended, BadMessage."""
        opcode, payload = await self._socket.receive()
        self._heard_at = _ticks_ms()
        if opcode == 9:
            if len(self._pongs) > 2:  # the newest is enough (RFC 6455 5.5.3)
                self._pongs.pop(0)
            self._pongs.append(payload)
            self._wake.set()
        elif opcode == 8:
            code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 1005
            raise _Ended(code, "closed by the hub")
        elif payload is None:
            self.on_log("a message over max_message_bytes is passed over")
        elif opcode == 2:
            message = unpack(payload, self.max_message_bytes)
            if not isinstance(message, dict):
                raise BadMessage("a message that is no map")
            if message.get("op") == "bye":
                self._bye = message
                self._bye_by = _ticks_ms()
            return message
        return None

    async def _receive_all(self):
        while True:
            message = await self._next_message()
            if message is None:
                continue
            op = message.get("op")
            if op == "ack":
                self._grant(message.get("credit"))
                self._ack(message.get("acks"), True)
                self._wake.set()
            elif op in ("command", "cancel"):
                try:
                    (self._take_command if op == "command" else self._take_cancel)(message)
                except OSError as error:  # not answered, it comes again
                    self.on_log("a %s is not taken, flash refuses its id: %s" % (op, error))
            elif op == "desired":
                self._take_desired(message)
            elif op == "reject":
                self.on_reject(message)

    def _grant(self, credit):
        windows = []
        for lane in ("live", "backfill"):
            window = credit.get(lane) if isinstance(credit, dict) else None
            if not isinstance(window, list) or len(window) != 2 or not all(isinstance(each, int) for each in window):
                raise BadMessage("a credit that is none")
            windows.append(window)
        self._windows = windows

    def _ack(self, acks, is_of_sent):
        if not isinstance(acks, list):
            raise BadMessage("acks that are none")
        for pair in acks:
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, int) for each in pair):
                raise BadMessage("an ack that is none")
            for epoch in self.spool.epochs.values():
                if epoch.epoch == pair[0]:
                    # What was never sent cannot be acked.
                    seq = min(pair[1], self.spool.sent.get(epoch.no, 0)) if is_of_sent else pair[1]
                    self._in_flight = [each for each in self._in_flight if each[0] != epoch.no or each[2] > seq]
                    self.spool.ack(epoch.no, seq)
                    break

    async def _send_all(self):
        while True:
            self._wake.clear()
            await self._answer_pings()
            if _ticks_diff(_ticks_ms(), self._ping_at) >= self._heartbeat_ms:
                self._ping_at = _ticks_ms()
                await self._socket.send(9, b"")
            chosen = self._choose()
            if chosen is None:
                await self._wake.wait()
                continue
            no, seq, last, message = chosen
            self.spool.sent[no] = last
            self._in_flight.append((no, seq, last, len(message), no == self.spool.current.no))
            await self._socket.send(2, message)

    def _choose(self):
        """Return the next frame that may go: the live lane first, the rest for what credit is left."""
        current = self.spool.current
        frame = self._next_of(current.no, True)
        if frame is not None:
            return frame
        while self._backfill:
            frame = self._next_of(self._backfill[0], False)
            if frame is not None:
                return frame
            epoch = self.spool.epochs.get(self._backfill[0])
            if epoch is not None and max(self.spool.sent.get(epoch.no, 0), epoch.first - 1) < epoch.last:
                return None  # it waits for credit
            self._backfill.pop(0)  # all of it is sent; an older epoch never grows
        return None

    def _next_of(self, no, is_live):
        frames, size = 0, 0
        for each in self._in_flight:
            if each[4] == is_live:
                frames += 1
                size += each[3]
        window = self._windows[0 if is_live else 1]
        if window[0] <= 0 or window[1] <= 0 or (frames and frames >= min(window[0], _MAX_IN_FLIGHT)):
            return None
        found = self.spool.next_frame(no)
        # With nothing in flight one frame may always go, however large.
        if found is None or (frames and size + len(found[2]) > window[1]):
            return None
        return (no,) + found

    async def _tick(self, plan):
        """Everything that time brings: batches, write-behind, pings, dead links, and the end of a visit."""
        while True:
            await asyncio.sleep(_TICK_MS / 1000)
            now = _ticks_ms()
            self.uptime.us()
            if self._batch is not None and _ticks_diff(now, self._batch[6]) >= self.batch_ms:
                self.flush()
            if self._unwritten_since is not None and _ticks_diff(now, self._unwritten_since) >= self.write_behind_ms:
                self._unwritten_since = None
                self.spool.store()
            while self.spool.lost_results:
                id_ = self.spool.lost_results.pop()
                if id_ in self.spool.ids:
                    self._say_result(id_)
            if self.is_connected:
                self._watch(now)
            if plan is not None:
                self._end_visit(now, plan)

    def _watch(self, now):
        if _ticks_diff(now, self._ping_at) >= self._heartbeat_ms:
            self._wake.set()
        writing = self._socket.writing_since if self._socket is not None else None
        if _ticks_diff(now, self._heard_at) > 2 * self._heartbeat_ms + 1000:
            self._finish((4001, "nothing heard for two heartbeats"))
        elif writing is not None and _ticks_diff(now, writing) > _SEND_TIMEOUT_MS:
            self._finish((1006, "nothing could be sent for 60 s"))
        elif self._bye_by is not None and _ticks_diff(now, self._bye_by) > 5000:
            self._finish((1006, "no close after bye"))

    def _end_visit(self, now, plan):
        self.flush()
        spent = _ticks_diff(now, plan[0])
        is_applied = not self._work or self._on_desired is None
        is_done = self.is_connected and spent >= plan[1] and not self.jobs and is_applied and self.spool.is_empty()
        if is_done or (spent >= plan[2] and self.is_connected):
            self._finish((1000, "asleep"))

    def _after(self, end, attempt):
        """Do what the end of a connection asks for; return how long to wait in seconds. Raises Refused."""
        code = end[0]
        bye = self._bye or {}
        if isinstance(code, int) and 4500 <= code < 5000:
            raise Refused(code, bye.get("reason") or end[1])
        backoff_s = _uniform(min(_MAX_BACKOFF_S, 1 << min(attempt, 6)))
        current = self.spool.current
        if code == 4002 and current.first == 1:
            self.spool.renumber()
            self._redraws += 1
            return 0 if self._redraws == 1 else backoff_s
        if code in (4005, 4006):
            self._note_stumble(code, bye.get("expected"))
        retry_s = end[2] if len(end) > 2 else bye.get("retry_s")
        if not isinstance(retry_s, (int, float)) or not 0 <= retry_s <= 86400:
            return backoff_s
        jitter_s = bye.get("jitter_s")
        wished_s = retry_s + (_uniform(jitter_s) if isinstance(jitter_s, (int, float)) and 0 <= jitter_s <= 86400 else 0)
        # A hub that lets us in and throws us out again is not asked at its own pace for ever.
        return wished_s if attempt == 0 else max(wished_s, backoff_s)

    def _note_stumble(self, code, expected):
        """Declare a frame lost over which the hub stumbles for the second time."""
        try:
            wanted = {pair[0]: pair[1] for pair in expected}
        except (TypeError, IndexError, KeyError):
            return
        numbers = {epoch.epoch: epoch.no for epoch in self.spool.epochs.values()}
        found = None
        if code == 4006:
            found = next(((numbers[epoch], wanted[epoch]) for epoch in wanted if epoch in numbers), None)
        else:
            by_number = {numbers[epoch]: wanted[epoch] for epoch in wanted if epoch in numbers}
            found = next(((each[0], each[1]) for each in self._in_flight if each[2] >= by_number.get(each[0], 1)), None)
        if found is not None and found == self._stumbled:
            epoch = self.spool.epochs[found[0]]
            if epoch.first <= found[1] <= epoch.last:
                self.spool.replace_by_gap(found[0], found[1], "bad_frame")
        self._stumbled = found

    async def drained(self, timeout_s=30):
        """Wait until everything is acked; return whether it is."""
        until = _ticks_ms()
        self.flush()
        while not self.spool.is_empty():
            if _ticks_diff(_ticks_ms(), until) > timeout_s * 1000:
                return False
            await asyncio.sleep(_TICK_MS / 1000)
        return True

    def close(self):
        """Write what waits into flash and let go of the files; before a sleep or a reset."""
        self.flush()
        self.spool.close()


def _checked_args(rules, args):
    """Return the arguments of a command with defaults. Raises ValueError."""
    for name in args:
        if name not in rules:
            raise ValueError("unknown argument %s" % name[:64])
    checked = {}
    for name in rules:
        rule = rules[name]
        if name not in args and "default" not in rule:
            raise ValueError("argument %s is missing" % name)
        value = args.get(name, rule.get("default"))
        kinds = _TYPES[rule["type"]]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError("argument %s must be of type %s" % (name, rule["type"]))
        if isinstance(value, float) and value - value != 0:
            raise ValueError("argument %s must be finite" % name)
        low, high = rule.get("min"), rule.get("max")
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError("argument %s must lie within %s ... %s" % (name, low, high))
        checked[name] = value
    return checked
