"""The wire contract of devices, without I/O."""
