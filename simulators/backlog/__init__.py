"""The backlog test: a day of frames waits in the journal while the history store is away; then it comes, and stores every reading once.

`python -m simulators.backlog` makes the journal at full speed, starts a real hub and a real store on it, lets devices send meanwhile,
and compares every series hour by hour with what was made. It changes nothing but the directory it made.
"""
