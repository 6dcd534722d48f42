"""Live frames of several nodes as one stream: what Live follows where a hub is one of many.

`ring.py` keeps the rows, `inflow.py` one journal's part of them, `covered.py` of which devices that is all; `interest.py` has what is
wanted of others and what they want, `past.py` brings what was not wanted before; `confluence.py` gathers them, from its own journal and
from other nodes; `wire.py` is how they travel, `redis.py` and `pulling.py` the two ways. Named in main.py only.
"""
