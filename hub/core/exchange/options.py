"""How the columns of a file become readings: what its owner says of them, checked.

Owns the options of an import, on the command line and over HTTP alike, and their limits. Plain code.
"""

from dataclasses import dataclass, field
from typing import Final

from devices.wire.messages import Kind
from hub.core.errors import Refusal
from hub.core.exchange.times import FORMATS, zone_named

KINDS: Final = tuple(kind.value for kind in Kind)
DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
DECIMALS: Final = {"point": ".", "comma": ",", ".": ".", ",": ","}


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What is said about a file; None: what its header says, or what is usual."""

    format: str | None = None  # csv, parquet; None: what the file looks like
    device: str | None = None  # of every row
    device_column: str | None = None
    channel: str | None = None  # of every row
    channel_column: str | None = None
    value_column: str | None = None
    unit: str | None = None  # of every row without one
    kind: str | None = None  # of every row without one; None: by a channel's first value
    time_column: str | None = None
    time_format: str = "rfc3339"
    zone: str | None = None  # of times without an offset
    delimiter: str = ","
    decimal: str = "."
    skip: tuple[str, ...] = field(default=())  # texts that stand for no value

    def checked(self) -> "ImportOptions":
        """Return the options with words made into characters. Raises Refusal."""
        delimiter = DELIMITERS.get(self.delimiter, self.delimiter)
        decimal = DECIMALS.get(self.decimal)
        if self.format not in (None, "csv", "parquet"):
            raise _wrong("format", self.format, "csv or parquet")
        if self.kind is not None and self.kind not in KINDS:
            raise _wrong("kind", self.kind, f"one of {', '.join(KINDS)}")
        if self.time_format not in FORMATS:
            raise _wrong("time_format", self.time_format, f"one of {', '.join(FORMATS)}")
        if delimiter not in DELIMITERS.values():
            raise _wrong("delimiter", self.delimiter, f"one of {', '.join(DELIMITERS)}, or the character itself")
        if decimal is None:
            raise _wrong("decimal", self.decimal, "point or comma")
        if decimal == delimiter:
            raise Refusal("bad_options", "numbers and columns cannot both use a comma", "say how columns are separated: delimiter", 422)
        for one, other in (("device", "device_column"), ("channel", "channel_column")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise Refusal("bad_options", f"{one} and {other} contradict each other", "give one of them", 422)
        if self.zone is not None:
            zone_named(self.zone)
        names = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return ImportOptions(**{**names, "delimiter": delimiter, "decimal": decimal})


def _wrong(name: str, value: str | None, allowed: str) -> Refusal:
    return Refusal("bad_options", f"{name} is {allowed}, not {str(value)[:40]!r}", f"correct {name}", 422)
