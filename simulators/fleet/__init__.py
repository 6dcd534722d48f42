"""Thousands of devices and viewers against a hub, by a scenario, and the audit of what became of every reading.

`tributary simulate` runs it. Devices are the real device client over the real wire, spread over processes; every value and time is
computed from the seed, so that what was sent can be compared with what is stored and was shown without remembering it.
"""
