"""Readings as files: CSV, Parquet and line protocol out, CSV and Parquet in.

Owns the formats and their checks. Plain code that blocks: called in worker threads by hub/web, knows no store, no journal, no clock.
"""
