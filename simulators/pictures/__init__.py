"""The pictures of README and docs, taken anew: `make pictures`."""
