"""What a release is made of: the wheel, the source, a bill of materials and their checksums (`make release`, docs/releasing.md)."""
