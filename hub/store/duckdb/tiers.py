"""The three tiers: raw readings, and partial aggregates of a minute and of an hour; what their rows are made of, as SQL.

Owns the columns of each tier and how its rows come from readings or from rows of their own kind. A partial aggregate is made of exactly
the readings that one file holds; merging partials by GROUP BY gives the bucket, so late data needs no case of its own. Holds no
connection. Used by answers.py, flush.py and merging.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MINUTE_NS: Final = 60_000_000_000
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS
LOWEST_NS: Final = -(2**63) + 5_000 * DAY_NS  # the year 1691; starts of buckets before it would not fit an int64

VALUE: Final = "num, exact, text, lon"
RAW_COLUMNS: Final = f"series, t_ns, {VALUE}"
NO_MORE: Final = "NULL::BIGINT AS exact, NULL::VARCHAR AS text, NULL::DOUBLE AS lon"  # what a plain number has beside `num`


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier. A file of it holds one period of time, at least `period_ns` long and aligned to 1970 UTC."""

    name: str  # stored in files and tables
    step_ns: int  # what one row stands for; 0: one reading
    period_ns: int
    time: str  # the column by which its rows lie in time

    def is_right_for(self, width_ns: int) -> bool:
        """Tell whether buckets of that width can be made of its rows."""
        return self.step_ns == 0 or (width_ns > 0 and width_ns % self.step_ns == 0)


RAW: Final = Tier("raw", 0, DAY_NS, "t_ns")
MINUTES: Final = Tier("1min", MINUTE_NS, 8 * DAY_NS, "start_ns")
HOURS: Final = Tier("1h", HOUR_NS, 64 * DAY_NS, "start_ns")
TIERS: Final = {tier.name: tier for tier in (RAW, MINUTES, HOURS)}


def tier_for(width_ns: int, from_ns: int, dropped: Mapping[str, int]) -> Tier:
    """Return the coarsest tier that buckets of a width can be made of and that is still there from `from_ns` on.

    `dropped` says up to where tiers were dropped. Where none reaches back so far, the one that reaches back farthest.
    """
    fit = [tier for tier in (HOURS, MINUTES, RAW) if tier.is_right_for(width_ns)]
    return min(fit, key=lambda tier: max(from_ns, dropped.get(tier.name, from_ns)))


def bucket(column: str, width_ns: int) -> str:
    """Return the start of a bucket as SQL; what is older than LOWEST_NS is in the bucket of that.

    The remainder is taken twice so that times before 1970 round down as well.
    """
    column = f"greatest({column}, {LOWEST_NS})"
    return f"{column} - (({column} % {width_ns}) + {width_ns}) % {width_ns}"


def newest(by: str, *, is_plain: bool = False) -> str:
    """Return the value of the newest reading, whole: that it has no `exact` is a part of it."""
    values = [f"arg_max_null({name}, {by}) AS {name}" for name in (["num"] if is_plain else ["num", "exact", "text", "lon"])]
    return ", ".join([f"max({by}) AS last_ns", *values, *([NO_MORE] if is_plain else [])])


def of_readings(source: str, width_ns: int, *, is_plain: bool = False) -> str:
    """Return buckets of a source of readings."""
    return f"""SELECT series, {bucket("t_ns", width_ns)} AS start_ns, min(num) AS low, max(num) AS high, sum(num) AS total,
        count(*) AS count, {newest("t_ns", is_plain=is_plain)} FROM {source} GROUP BY series, 2"""


def of_partials(source: str, width_ns: int, *, is_plain: bool = False) -> str:
    """Return buckets of a source of partial aggregates."""
    return f"""SELECT series, {bucket("start_ns", width_ns)} AS start_ns, min(low) AS low, max(high) AS high, sum(total) AS total,
        sum(count)::BIGINT AS count, {newest("last_ns", is_plain=is_plain)} FROM {source} GROUP BY series, 2"""
