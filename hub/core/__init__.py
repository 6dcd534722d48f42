"""Policy of the hub: plain code without sockets, databases or clocks."""
