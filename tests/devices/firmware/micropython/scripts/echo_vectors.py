"""Run by either Python: for each line of hex, decode the message, encode it again and print that; `refused` where it cannot be read."""

import binascii
import sys

import tributary

for line in sys.stdin:
    try:
        print(binascii.hexlify(tributary.packed(tributary.unpack(binascii.unhexlify(line.strip())))).decode())
    except tributary.BadMessage:
        print("refused")
