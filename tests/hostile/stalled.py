#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stalled PORTAL TARGET: logins that never end, in every way there is. Prints how long, in seconds, the one that was let
alone longest was let alone; fails if one of them gets in or is never told to go."""
import sys
import time
from initiator import LOGIN_RESPONSE, Connection, text

WHO = [("InitiatorName", "iqn.2026-11.test:stalled"), ("SessionType", "Normal")]
PATIENCE = 40


def silent(c, target):
    pass


def half_header(c, target):
    c.socket.sendall(bytes([0x43, 0x87, 0, 0, 0]))


def half_text(c, target):
    bhs = bytearray(48)
    bhs[0:2] = 0x43, 0x87
    bhs[5:8] = (4000).to_bytes(3, "big")
    c.socket.sendall(bytes(bhs) + text(WHO))


def drop_by_drop(c, target):
    for byte in bytes([0x43, 0x87]) + bytes(46):
        c.socket.sendall(bytes([byte]))
        time.sleep(1)


def never_done(c, target):
    """Never asks for the next stage."""
    c.login_request(0x04, text([*WHO, ("TargetName", target)]))
    while True:
        c.expect(LOGIN_RESPONSE)
        time.sleep(0.2)
        c.login_request(0x04, b"")


def never_complete(c, target):
    """C=1 for ever: one negotiation over more PDUs than there is room for."""
    while True:
        c.login_request(0x44, text([("X-test.padding", "x" * 200)] * 8))
        c.expect(LOGIN_RESPONSE)


def one_more_key(c, target):
    """As many tiny unknown keys as fit into a PDU: each would be answered with a longer word."""
    c.login_request(0x87, text([*WHO, ("TargetName", target)]) + b"a=b\0" * 1900)
    c.expect(LOGIN_RESPONSE)


def until_closed(way, portal, target):
    c = Connection(portal, timeout=PATIENCE)
    begin = time.monotonic()
    try:
        way(c, target)
        while True:
            bhs, _ = c.receive()
            assert bhs[0] & 0x3F == LOGIN_RESPONSE, f"{way.__name__} got in"
            assert bhs[36] or not bhs[1] & 0x80, f"{way.__name__} got in"
    except (ConnectionError, BrokenPipeError):
        return time.monotonic() - begin
    except TimeoutError:
        sys.exit(f"{way.__name__}: still connected after {PATIENCE} s")


def main():
    import concurrent.futures

    ways = [silent, half_header, half_text, drop_by_drop, never_done, never_complete, one_more_key]
    with concurrent.futures.ThreadPoolExecutor(len(ways)) as pool:
        took = list(pool.map(lambda way: until_closed(way, *sys.argv[1:3]), ways))
    print(int(max(took)))


main()
