"""The command test: commands to devices that are cut and killed at random; none runs twice, each ends in exactly one state.

Owns the programs of `make command-test`, and cost.py, which measures; uses the hub only from outside, as a process and through hub.client.
"""
