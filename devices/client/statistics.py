"""The figures of one device: what its connections came to, and what a program may ask for.

Owns two records; courier.py counts in the first, device.py asks for the second.
"""

from dataclasses import dataclass

from devices.spool import Spool


@dataclass(slots=True)
class Tally:
    """What the connections of one device came to."""

    connects: int = 0  # connections that were welcomed
    acked: int = 0
    rejected: int = 0
    in_flight: int = 0
    is_connected: bool = False
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts since the device was entered, but for what is unacked or in flight now."""

    spooled_frames: int  # kept by send, send_many, send_pack and log
    acked_frames: int  # of these, of earlier starts, and results of commands
    unacked_frames: int  # on the spool now
    unacked_bytes: int
    in_flight_frames: int  # sent on this connection and not acked yet
    gaps: int  # stretches declared lost: the spool was full, or the hub could not read a frame
    dropped_readings: int  # readings lost because the spool was full
    rejected: int  # readings, or whole frames, that the hub refused
    connects: int  # connections that the hub welcomed
    is_connected: bool
    last_error: str | None  # why the last connection ended or could not be made


def statistics_of(spooled_frames: int, spool: Spool, tally: Tally) -> Statistics:
    """Gather the counts of now."""
    return Statistics(
        spooled_frames=spooled_frames,
        acked_frames=tally.acked,
        unacked_frames=spool.frames,
        unacked_bytes=spool.bytes,
        in_flight_frames=tally.in_flight,
        gaps=spool.gaps,
        dropped_readings=spool.dropped_readings,
        rejected=tally.rejected,
        connects=tally.connects,
        is_connected=tally.is_connected,
        last_error=tally.last_error,
    )
