"""The crash test: no reading is lost, doubled or invented, whatever is killed when.

`python -m simulators.crash` kills real hubs and real device processes under load, overflows spools and fills disks, then
compares every reading made with what the hub has, by identity. It changes nothing but the directory it made.
"""
