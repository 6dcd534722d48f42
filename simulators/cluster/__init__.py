"""Three nodes behind HAProxy on one Redis and one shared store, and what is done to them under load: `make cluster-test`.

Owns the processes, the acts and the table at the end; load and audit are those of simulators/fleet.
"""
