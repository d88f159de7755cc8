#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""deaf PORTAL TARGET COUNT SECONDS: sessions that ask for as much as the window allows and never read a byte of it. Stays
until the target has ended them all, at most that long, and prints how many of them it has."""
import socket
import struct
import sys
import time
from initiator import Connection

BLOCKS = 2048  # a MiB each


def deaf(portal, target, number):
    c = Connection(portal, name=f"iqn.2026-11.test:deaf{number}", receive_buffer=4096)
    c.login(target)
    for i in range(128):
        c.read10(i % 8 * BLOCKS, BLOCKS)
    return c


def ended(c):
    """Has the target reset or closed the connection? What lies in the receive buffer does not matter."""
    info = c.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
    return struct.unpack("B", info[:1])[0] != 1  # ESTABLISHED


def main():
    portal, target, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    sessions = [deaf(portal, target, number) for number in range(count)]
    print("deaf", flush=True)
    until = time.monotonic() + seconds
    while not all(ended(c) for c in sessions) and time.monotonic() < until:
        time.sleep(0.2)
    print(sum(ended(c) for c in sessions))


main()
