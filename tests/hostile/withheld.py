#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""withheld PORTAL TARGET COUNT SECONDS: sessions that announce a write of 8 MiB before all others (HEAD OF QUEUE), and an
ORDERED one behind it, and never send a byte of either. Stays, answering pings, until the target has ended each of them or
answered it both (BUSY: it is short of memory), at most that long, and prints how many it has ended, and how many answered."""
import struct
import sys
import time
from initiator import NO_TAG, NOP_IN, NOP_OUT, SCSI_RESPONSE, Connection

HEAD, ORDERED = 3, 2


def announce(portal, target, number):
    c = Connection(portal, name=f"iqn.2026-11.test:withheld{number}", timeout=60)
    c.login(target)
    for attribute in (HEAD, ORDERED):
        c.command(struct.pack(">BBIBHB", 0x2A, 0, 0, 0, 8192, 0), 8 << 20, read=False, attribute=attribute)
    c.socket.settimeout(0.01)
    c.answers = 0
    return c


def ended(c):
    try:
        while True:
            bhs, _ = c.receive()
            c.answers += bhs[0] & 0x3F == SCSI_RESPONSE
            if bhs[0] & 0x3F == NOP_IN and bhs[20:24] != b"\xff" * 4:
                head = bhs[8:16] + NO_TAG.to_bytes(4, "big") + bhs[20:24]
                c.send(NOP_OUT, head=head, immediate=True)
    except TimeoutError:
        return False
    except OSError:
        return True


def main():
    portal, target, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    sessions = [announce(portal, target, number) for number in range(count)]
    print("announced", flush=True)
    end, gone = time.monotonic() + seconds, 0
    while time.monotonic() < end and not all(c.answers == 2 for c in sessions):
        left = [c for c in sessions if not ended(c)]
        gone += len(sessions) - len(left)
        sessions = left
        time.sleep(0.2)
    print(gone, sum(c.answers == 2 for c in sessions))


main()
