# SPDX-License-Identifier: MIT
"""Rounds: short runs of all contestants of a cell, in turn; who goes first changes every round."""
import os

from . import contestants, links, machine, targets
from .processes import Cores, Failure, tell


class Bench:
    """What everybody needs to know: the programs, the cores, the link and its targets."""

    def __init__(self, berth, work, rounds, seconds, table=()):
        self.berth, self.work, self.rounds, self.seconds = os.path.abspath(berth), work, rounds, seconds
        self.cores = Cores()
        self.table = {cell.name: cell for cell in table}
        self.programs = {}  # others than those of the build, by name
        self.link, self.pool = None, None
        if not os.access(self.berth, os.X_OK):
            raise Failure(f"{berth} is not there: run make first")

    def program(self, name):
        return self.programs.get(name) or os.path.join(os.path.dirname(self.berth), "bench", "bench_" + name)

    def library(self, name):
        return os.path.join(os.path.dirname(self.berth), "bench", f"libbench_{name}.so")

    def cell(self, name):
        return self.table[name]

    def connect(self, name):
        """Puts this link between initiators and targets; those of the last one end."""
        if self.link and self.link.name == name:
            return
        self.close()
        self.link = links.make(name, self.cores)
        self.pool = targets.Pool(self)

    def ask(self, kind):
        return self.pool.ask(kind)

    def ours_s(self):
        """CPU time of our targets that are up, and no child that has ended yet."""
        return self.pool.cpu_s() if self.pool else 0.0

    def close(self):
        if self.pool:
            self.pool.stop()
        if self.link:
            self.link.close()
        self.link = self.pool = None


def sample(bench, contestant, cell):
    target = bench.ask(contestant.target_prefix + cell.target)
    cores = [c for c in (bench.cores.initiator, bench.cores.target) if c is not None]
    target_before, before = target.cpu_s(), sum(machine.busy_s(core)[0] for core in cores)
    command, got = contestant.run(cell, target.url, bench.seconds)
    system = sum(machine.busy_s(core)[0] for core in cores) - before
    ios = got["ios"]
    got["target_cpu_us_per_io"] = (target.cpu_s() - target_before) / ios * 1e6
    got["system_cpu_us_per_io"] = system / ios * 1e6
    got["cpu_ms_per_gb"] = got["cpu_us_per_io"] / cell.block * 1e6
    got["gb_per_s"] = got["iops"] * cell.block / 1e9
    return command, got


def measure(bench, cell):
    """A cell's entry in the record."""
    entry = {"name": cell.name, "link": cell.link, "target": cell.target, "rw": cell.rw, "block": cell.block,
             "depth": cell.depth, "sessions": cell.sessions, "what": cell.describe(), "contestants": {}}
    able = []
    for name in cell.contestants:
        contestant = contestants.make(bench, name)
        why = contestant.missing(cell)
        entry["contestants"][name] = {"missing": why, "samples": []} if why else {"samples": []}
        if not why:
            able.append(contestant)
    for i in range(bench.rounds):
        for contestant in able[::-1] if i % 2 else able[:]:
            tell(f"{cell.name}: round {i + 1} of {bench.rounds}, {contestant.name}")
            row = entry["contestants"][contestant.name]
            try:
                row["command"], got = sample(bench, contestant, cell)
                row["samples"].append(got)
            except Failure as why:  # the others go on
                entry["contestants"][contestant.name] = {"missing": f"failed: {why}", "failed": True, "samples": []}
                able.remove(contestant)
    tell("")
    return entry


def failed(entry):
    return any(row.get("failed") for row in entry["contestants"].values())


def measure_links(bench, cells, report):
    """Link by link, (its name, its cells' entries), while its targets are still up. What cannot be had here is said, and left out."""
    for name in dict.fromkeys(cell.link for cell in cells):
        try:
            bench.connect(name)
        except Failure as why:
            print(f"\nno cells over {name}: {why}")
            continue
        yield name, [entry for entry in measure_link(bench, [c for c in cells if c.link == name], report)]


def measure_link(bench, cells, report):
    for cell in cells:
        why = targets.Tgtd.missing() if cell.target == "tgtd" else None
        if why:
            print(f"\nno cell {cell.name}: {why}")
            continue
        entry = measure(bench, cell)
        report(entry)
        yield entry
