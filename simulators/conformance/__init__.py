"""A hub that is a script: it puts any device client, in any language, through docs/protocol.md and says what it passes and fails.

stand.py is where one device connects, talk.py one of its connections, book.py what it said over all of them; scenes/ has the scenarios
and course.py plays them. `tributary conformance` (hub/cli/conformance.py) is its face; docs/guide/own_client.md says what a client under
test has to do. Of Tributary it knows devices.wire only.
"""
