#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crowd PORTAL PID TARGET CONNECTIONS: so many connections that never log in; each is kept open until the target closes it.
Some say nothing, some half a login, some nonsense. Meanwhile, now and then, somebody logs in and pings: that has to work.
Prints the most descriptors and memory (KiB) that the target process had, and how many decent logins there were."""
import random
import resource
import sys
from initiator import BHS, LOGIN, NO_TAG, NOP_OUT, NOP_IN, Connection, connect, descriptors, memory_kib

WAVE = 100


def words(rng):
    kind = rng.randrange(3)
    if kind == 0:
        return b""
    if kind == 1:
        return bytes([0x40 | LOGIN, 0x87]) + bytes(rng.randrange(BHS - 2))
    return rng.randbytes(rng.randrange(1, 200))


def decent(portal, target, number):
    c = Connection(portal, name=f"iqn.2026-11.test:decent{number}", timeout=60)
    c.login(target)
    c.send(NOP_OUT, head=bytes(8) + (5).to_bytes(4, "big") + NO_TAG.to_bytes(4, "big"), data=b"well?", immediate=True)
    assert c.expect(NOP_IN)[1] == b"well?"
    c.close()


def main():
    portal, pid, target, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rng = random.Random(count)
    crowd, most_fds, most_kib, logins = [], 0, 0, 0
    for number in range(count):
        if len(crowd) > hard - 100:  # a machine that does not let us have so many
            crowd.pop(0).close()
        s = connect(portal, timeout=60)
        try:
            s.sendall(words(rng))
        except OSError:
            pass  # it was told to leave before it had said a word
        crowd.append(s)
        if number % WAVE == WAVE - 1:
            decent(portal, target, number)
            logins += 1
            most_fds = max(most_fds, descriptors(pid))
            most_kib = max(most_kib, memory_kib(pid))
    print(most_fds, most_kib, logins)


main()
