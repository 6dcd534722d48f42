"""Benchmarks: each drives real hubs as processes and measures a floor beside them in the same run.

Owns the figures and how they are shown; `tributary bench` calls it. It changes nothing in a hub it did not start.
"""
