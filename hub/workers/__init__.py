"""Several hub processes on one machine and one port: what each is, and who looks after them.

Owns processes, never what is served in them. The command `serve` runs it; main.py asks a worker what it is.
"""

from hub.workers.plan import Worker, as_worker, check_workers

__all__ = ["Worker", "as_worker", "check_workers"]
