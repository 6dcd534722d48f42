"""Sensors that are made up, look like the real thing, and whose every value is known without having been remembered.

Owns the public names. plan_of (or model) describes a kind of device, Plan.sensor(seed, device) makes one, Sensor gives rows and bursts to
send and columns to audit by. Used by fleets, their audits and tests.
"""

from simulators.sensors.plan import KINDS, MODELS, SENSOR_FAULTS, BadPlan, Plan, model, parameters_of, plan_of
from simulators.sensors.sensor import Burst, Column, Sensor, burst_times
from simulators.sensors.signal import Signal

__all__ = [
    "KINDS", "MODELS", "SENSOR_FAULTS", "BadPlan", "Burst", "Column", "Plan", "Sensor", "Signal", "burst_times", "model", "parameters_of",
    "plan_of",
]  # fmt: skip
