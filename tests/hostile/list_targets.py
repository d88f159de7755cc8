#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""list_targets PORTAL SEGMENT: asks a portal for all its targets, as an initiator that takes no more than SEGMENT bytes a
PDU. Prints the number of PDUs the answer took, then its lines."""
import struct
import sys
from initiator import NO_TAG, TEXT, TEXT_RESPONSE, Connection, text


def ask(c, ttt, pairs):
    c.itt += 1
    head = bytes(8) + struct.pack(">IIII", 1, ttt, c.cmd_sn, c.exp_stat_sn)
    c.send(TEXT, 0x80, head, text(pairs), immediate=True)
    return c.expect(TEXT_RESPONSE)


def main():
    portal, segment = sys.argv[1], int(sys.argv[2])
    c = Connection(portal)
    c.login(None, [("MaxRecvDataSegmentLength", segment)], kind="Discovery")
    answer, count, ttt, pairs = b"", 0, NO_TAG, [("SendTargets", "All")]
    while True:
        bhs, data = ask(c, ttt, pairs)
        assert len(data) <= segment, f"{len(data)} bytes in one PDU"
        answer += data
        count += 1
        ttt, pairs = struct.unpack(">I", bhs[20:24])[0], []
        if bhs[1] & 0x80:
            assert ttt == NO_TAG, "a tag behind the end"
            break
        assert ttt != NO_TAG, "no tag to go on with"
    print(count)
    print(answer.decode().replace("\0", "\n"), end="")


main()
