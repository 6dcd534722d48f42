"""What people build instead of us, well made, to be measured beside us on the same work in the same run.

`asyncio_hub`: the hub one would write on `websockets` and uvloop. `mosquitto` with `mqtt_writer`: a broker and a subscriber that writes
to the database. Each acks and stores what `tributary bench peers` sends it; where a peer promises less than we do, that is said in
docs/performance.md and measured by killing it.
"""
