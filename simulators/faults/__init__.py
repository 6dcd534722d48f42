"""Networks and clocks that fail as real ones do, on demand: beside a hub (a proxy), at a device's link, and in its clock.

Owns the public names. FaultProxy breaks TCP connections and knows no frames; FaultyLinks lies around the links of a device and knows them;
DeviceClock goes wrong. Used by fleets, tests and the simulation.
"""

from simulators.faults.clock import DeviceClock
from simulators.faults.links import FaultyLinks
from simulators.faults.network import Network
from simulators.faults.proxy import FaultProxy, fault_proxy

__all__ = ["DeviceClock", "FaultProxy", "FaultyLinks", "Network", "fault_proxy"]
