"""Buckets of a real InfluxDB 2 for tests: the simulators' own, which the cluster test uses, too."""

from simulators.influx_bucket import ORG, TOKEN, URL, delete, fresh_bucket

__all__ = ["ORG", "TOKEN", "URL", "delete", "fresh_bucket"]
