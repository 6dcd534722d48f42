"""A vehicle on its round: where it is, and how fast it goes.

Owns the road (a closed line about the depot, drawn from the seed) and the course along it; plan.py makes the signals from their names.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, NamedTuple

import numpy as np

from devices.wire.messages import Channel, Kind
from simulators.sensors.noise import DAY_US, HOUR_US, SECOND_US, Floats, Times, between, rounded, uniform, weather
from simulators.sensors.signal import Signal, Values, number

_CORNERS: Final = 40
_DEGREE_M: Final = 111_320.0  # of latitude
_PACE_US: Final = 120 * SECOND_US
_PACE: Final = 0.8  # the speed is within 0.2...1.8 of the mean
_FIX_US: Final = 30 * SECOND_US  # how slowly the error of a satellite fix wanders
_DIGITS: Final = 6  # a tenth of a metre


class Road(NamedTuple):
    """A closed line: how far along it each corner is, and where, in metres east and north of the depot."""

    along_m: Floats
    east_m: Floats
    north_m: Floats


@dataclass(frozen=True)
class Track(Signal):
    """Position of a vehicle that drives its round from `start_h` (UTC) for `hours` a day and then stands where it is.

    `mean_kmh` while it drives, with traffic; the depot lies within `spread_km` of (latitude, longitude).
    """

    KIND: ClassVar[Kind] = Kind.POSITION

    latitude: float = number(52.52, -85.0, 85.0)
    longitude: float = number(13.40, -180.0, 180.0)
    spread_km: float = number(10.0, 0.0, 1_000.0)
    round_km: float = number(3.0, 0.01, 1_000.0)  # from the depot to the corners, about
    mean_kmh: float = number(42.0, 0.01, 1_000.0)
    start_h: float = number(6.0, 0.0, 24.0)
    hours: float = number(12.0, 0.01, 24.0)
    error_m: float = number(4.0, 0.0, 1_000.0)

    def at(self, times_us: Times) -> Values:
        road = self._road
        place_m = self.driven_m(times_us) % road.along_m[-1]
        north_m = between(place_m, road.along_m, road.north_m) + self.error_m * weather(self.key("fix north"), times_us, _FIX_US)
        east_m = between(place_m, road.along_m, road.east_m) + self.error_m * weather(self.key("fix east"), times_us, _FIX_US)
        latitude, longitude, wide_m = self._depot
        turned = (longitude + east_m / wide_m + 180.0) % 360.0 - 180.0
        return np.stack([rounded(latitude + north_m / _DEGREE_M, _DIGITS), rounded(turned, _DIGITS)], axis=1)

    def driven_m(self, times_us: Times) -> Floats:
        """Return the metres driven since 1970: never less than before."""
        shift_us, day_us = int(self.start_h * HOUR_US), int(self.hours * HOUR_US)
        days = (times_us - shift_us) // DAY_US
        driving_us = days * day_us + np.minimum((times_us - shift_us) - days * DAY_US, day_us)
        pace = _PACE * _PACE_US / 2.0 * weather(self.key("traffic"), driving_us, _PACE_US, is_smooth=False)
        metres: Floats = (driving_us + pace) * (self.mean_kmh / 3.6 / SECOND_US)
        return metres

    @cached_property
    def _road(self) -> Road:
        corners = np.arange(_CORNERS)
        away_m = self.round_km * 1_000.0 * (0.5 + uniform(self.key("corners"), corners))
        turns = [2 * math.pi * at / _CORNERS for at in range(_CORNERS)]
        east = away_m * np.array([round(math.cos(turn), 9) for turn in turns])
        north = away_m * np.array([round(math.sin(turn), 9) for turn in turns])
        east, north = np.append(east, east[0]), np.append(north, north[0])
        legs = np.sqrt(np.diff(east) ** 2 + np.diff(north) ** 2)
        return Road(np.append(0.0, np.cumsum(legs)), east, north)

    @cached_property
    def _depot(self) -> tuple[float, float, float]:
        """Latitude, longitude, and how many metres a degree of longitude is there."""
        wide_m = round(_DEGREE_M * math.cos(math.radians(self.latitude)), 3)
        north_m, east_m = ((2.0 * self.draw("depot", at) - 1.0) * self.spread_km * 1_000.0 for at in (0, 1))
        return self.latitude + north_m / _DEGREE_M, self.longitude + east_m / wide_m, wide_m


@dataclass(frozen=True)
class Speed(Signal):
    """Speed of the vehicle whose position is the channel `of`, over the last second, as its wheels count it."""

    UNIT: ClassVar[str] = "km/h"
    SOURCE: ClassVar[str] = "track"

    source: Track
    digits: int = number(1, 0, 6)

    def at(self, times_us: Times) -> Floats:
        return rounded((self.source.driven_m(times_us) - self.source.driven_m(times_us - SECOND_US)) * 3.6, self.digits)

    def declared(self) -> Channel:
        return Channel(self.channel, self.UNIT, self.KIND, min=0.0)
