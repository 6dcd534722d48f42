"""Floods against a real hub: connections, heads that drip, frames that say nothing, few descriptors, little memory; who gets in."""
