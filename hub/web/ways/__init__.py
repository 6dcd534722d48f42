"""Ways in without WebSockets, for networks that do not let them through: long polling, server-sent events, devices by POST.

Owns what stands between single requests and the ordinary sessions, which know nothing of it: each of these ways is a link. Made into
the app by api.py; the sessions run under main.py.
"""
