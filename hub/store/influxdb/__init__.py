"""Readings in a bucket of InfluxDB 2."""

from hub.store.influxdb.store import InfluxDBStore

__all__ = ["InfluxDBStore"]
