# SPDX-License-Identifier: MIT
"""Cells: what is measured, one line each of the table `bench/cells`, or all that can be made of its parts."""
import itertools
import os
from dataclasses import dataclass, field

from .processes import Failure

TABLE = os.path.join(os.path.dirname(__file__), "..", "cells")
GROUPS = {
    "ceilings": ["ceiling:two-reads", "ceiling:staged", "ceiling:predicted"],
    "peers": ["libiscsi", "iscsi-perf", "qemu"],
    "engines": ["berth", "berth:io_uring"],
}
UNITS = {"k": 1 << 10, "M": 1 << 20}
LINKS = ("lo", "veth-1500", "veth-9000")
LIMITS = {"quick": 15, "standard": 60}


@dataclass(frozen=True)
class Cell:
    name: str
    sets: tuple
    link: str
    target: str
    rw: str
    block: int
    depth: int
    sessions: int
    contestants: tuple = field(compare=False)

    @property
    def writes(self):
        return not self.rw.endswith("read")

    def describe(self):
        sessions = f", {self.sessions} sessions" if self.sessions > 1 else ""
        return (f"{self.rw} of {size_text(self.block)}, {self.depth} in flight{sessions}; "
                f"target {self.target}, {self.link}")


def size(text):
    unit = UNITS.get(text[-1], 1)
    return int(text.rstrip("kM")) * unit


def size_text(count):
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"


def expand(words):
    return tuple(c for word in words.split(",") for c in GROUPS.get(word, [word]))


def read_line(line):
    columns = line.split()
    if len(columns) != 9:
        raise Failure(f"{TABLE}: nine columns are wanted: {line}")
    name, sets, link, target, rw, block, depth, sessions, contestants = columns
    return Cell(name, tuple(sets.split(",")), link, target, rw, size(block), int(depth), int(sessions),
                expand(contestants))


def read_table(path=TABLE):
    with open(path) as f:
        lines = [line for line in (line.split("#")[0].strip() for line in f) if line]
    cells = [read_line(line) for line in lines]
    for name, limit in LIMITS.items():
        if len(select(cells, name)) > limit:
            raise Failure(f"{path}: the set {name} has more than {limit} cells")
    return cells


def select(cells, wanted):
    """A set's cells; `standard` is all of the table but what the tests run."""
    return [c for c in cells if (c.sets != ("smoke",) if wanted == "standard" else wanted in c.sets)]


def named(cells, names):
    for name in names:
        if not any(c.name == name for c in cells):
            raise Failure(f"there is no cell {name}; --list tells what there is")
    return [c for c in cells if c.name in names]


def cross():
    """Everything with everything: days."""
    blocks = ("512", "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k", "256k", "512k", "1M")
    ways = ("randread", "randwrite", "randrw", "read", "write", "rw")
    contestants = expand("berth,berth:header,berth:both,berth:io_uring,libiscsi,libiscsi:header,ceilings")
    for link, target, rw, block, depth in itertools.product(LINKS, ("busy", "sleeping", "tgtd"), ways, blocks,
                                                            (1, 2, 4, 8, 16, 32, 64, 128)):
        yield Cell(f"{rw}-{block}-{depth}-{target}-{link}", ("cross",), link, target, rw, size(block), depth, 1,
                   contestants)
