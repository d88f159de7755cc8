#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""noise record HOST:PORT FILE: stands between an initiator and the target and keeps what the initiator says in FILE, a
line for each connection. Prints "ready HOST:PORT"; ends by itself when it is told to (TERM).

noise play PORTAL FILE PID SECONDS SEED: says these conversations again, damaged: bits flipped, pieces lost, doubled,
exchanged, cut short. Prints the number of conversations and the most memory (KiB) the target had."""
import random
import signal
import socket
import sys
import threading
import time
from initiator import address, connect, memory_kib

PATIENCE = 0.05  # for the target's next word
PIECE = 48
LONGEST = 1 << 18  # of a conversation, in bytes


# --- recording ---

writing = threading.Lock()


def pump(source, sink, keep):
    try:
        while part := source.recv(65536):
            keep(part)
            sink.sendall(part)
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def converse(initiator, upstream, path):
    target = socket.create_connection(address(upstream))
    target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    said = bytearray()
    back = threading.Thread(target=pump, args=(target, initiator, lambda part: None), daemon=True)
    back.start()
    pump(initiator, target, said.extend)
    with writing, open(path, "a") as f:
        f.write(said[:LONGEST].hex() + "\n")


def record(upstream, path):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"ready 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        initiator, _ = listener.accept()
        initiator.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=converse, args=(initiator, upstream, path), daemon=True).start()


# --- playing ---


def flip(rng, said):
    for _ in range(rng.randrange(1, 9)):
        said[rng.randrange(len(said))] ^= 1 << rng.randrange(8)


def lose(rng, said):
    at = rng.randrange(len(said))
    del said[at : at + rng.randrange(1, PIECE * 2)]


def double(rng, said):
    at = rng.randrange(0, len(said), 4)
    said[at:at] = said[at : at + rng.choice((4, PIECE, 512))]


def exchange(rng, said):
    a, b = (rng.randrange(0, max(1, len(said) - PIECE)) for _ in range(2))
    said[a : a + PIECE], said[b : b + PIECE] = said[b : b + PIECE], said[a : a + PIECE]


def cut(rng, said):
    del said[rng.randrange(len(said)) :]


def overwrite(rng, said):
    at = rng.randrange(len(said))
    said[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", rng.randbytes(4)))


DAMAGE = (flip, flip, lose, double, exchange, cut, overwrite, overwrite)


def damaged(rng, said):
    """The login mostly stays as it was, or nothing would ever come to what lies behind it."""
    words = bytearray(said)
    keep = 0 if rng.randrange(4) == 0 else min(len(words) // 2, 600)
    rest = words[keep:]
    for _ in range(rng.randrange(1, 4)):
        if rest:
            rng.choice(DAMAGE)(rng, rest)
    return bytes(words[:keep] + rest)


def play_one(rng, portal, words):
    with connect(portal, timeout=5) as s:
        s.settimeout(PATIENCE)
        try:
            while words:
                size = rng.choice((1, 48, 1000, 65536))
                s.sendall(words[:size])
                words = words[size:]
            while s.recv(65536):
                pass
        except OSError:
            pass  # silent, or closed: both are fine


def play(portal, path, pid, seconds, seed):
    rng = random.Random(seed)
    with open(path) as f:
        conversations = [bytes.fromhex(line.strip())[:LONGEST] for line in f if len(line) > 1]
    count, most, end = 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        play_one(rng, portal, damaged(rng, rng.choice(conversations)))
        count += 1
        if count % 50 == 0:
            most = max(most, memory_kib(pid))
    print(count, most)


if sys.argv[1] == "record":
    record(*sys.argv[2:4])
else:
    play(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]))
