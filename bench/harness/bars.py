# SPDX-License-Identifier: MIT
"""Bars: what berth is held to. One row each; a run says of each whether it is met, and with what figure."""
from dataclasses import dataclass, field

from . import counts
from .figures import median, quartiles, ratios
from .processes import Failure


@dataclass(frozen=True)
class Bar:
    number: int
    what: str
    limit: float
    cell: str
    mine: str  # a contestant of the cell
    theirs: tuple = ()  # the best of these is what it is compared with; none: the figure stands by itself
    metric: str = "cpu_us_per_io"
    count: object = field(default=None)  # counts it in a run of its own, instead of a metric of the samples


CEILINGS = ("ceiling:two-reads", "ceiling:staged", "ceiling:predicted")
BARS = [
    Bar(1, "4 KiB random read, 32 in flight: CPU per I/O, of libiscsi's", 1 / 6, "read-4k-32", "berth", ("libiscsi",)),
    Bar(1, "4 KiB random read, 64 in flight: CPU per I/O, of libiscsi's", 1 / 9, "read-4k-64", "berth", ("libiscsi",)),
    Bar(2, "4 KiB random read, 32 in flight: CPU per I/O, of the best ceiling's", 1.3, "read-4k-32", "berth", CEILINGS),
    Bar(2, "4 KiB random read, 64 in flight: CPU per I/O, of the best ceiling's", 1.3, "read-4k-64", "berth", CEILINGS),
    Bar(3, "4 KiB random write, 32 in flight: CPU per I/O, of libiscsi's", 1 / 8, "write-4k-32", "berth", ("libiscsi",)),
    Bar(4, "256 KiB read, 8 in flight: CPU per GB, of a plain recv loop's", 1.06, "read-256k-8", "berth",
        ("ceiling:plain",), "cpu_ms_per_gb"),
    Bar(4, "1 MiB read, 4 in flight: CPU per GB, of a plain recv loop's", 1.06, "read-1m-4", "berth",
        ("ceiling:plain",), "cpu_ms_per_gb"),
    Bar(5, "16 KiB random read, 32 in flight: CPU per I/O, of the best ceiling's", 1.15, "read-16k-32", "berth", CEILINGS),
    Bar(6, "both digests, 256 KiB read: CPU per GB, of that without", 1.25, "digests-256k-8", "berth:both", ("berth",),
        "cpu_ms_per_gb"),
    Bar(6, "both digests, 256 KiB read: CPU per GB, of libiscsi's with both", 1 / 10, "digests-256k-8", "berth:both",
        ("libiscsi:both",), "cpu_ms_per_gb"),
    Bar(7, "64 KiB writes in segments of 8 KiB, 8 in flight: send calls per I/O", 0.3, "segments-64k-8", "berth",
        count=counts.send_calls),
    Bar(7, "64 KiB writes in segments of 8 KiB, 32 in flight: send calls per I/O", 0.1, "segments-64k-32", "berth",
        count=counts.send_calls),
    Bar(8, "4 KiB read, 1 in flight, blocking: p50, of a TCP ping-pong's", 1.04, "ping-blocking", "berth",
        ("ceiling:staged", "ceiling:staged:look=20"), "p50_us"),  # berth looks so long before it sleeps
    Bar(8, "4 KiB read, 1 in flight, polling: p50, of a TCP ping-pong's", 1.04, "ping-polling", "berth:poll",
        ("ceiling:staged:poll",), "p50_us"),
    Bar(9, "1 session, 32 in flight: CPU per I/O, of raw TCP's", 1.3, "read-4k-32", "berth", CEILINGS),
    Bar(9, "32 sessions, 4 in flight each: CPU per I/O, of raw TCP's", 1.3, "sessions-32", "berth", ("ceiling:staged",)),
    Bar(9, "512 sessions, 1 in flight each: CPU per I/O, of raw TCP's", 1.3, "sessions-512", "berth", ("ceiling:staged",)),
    Bar(9, "512 sessions that do nothing: memory of each, KiB", 64, "sessions-512", "many", count=counts.session_kib),
    Bar(10, "4 KiB random read, 64 in flight: system calls per I/O", 0.1, "read-4k-64", "berth",
        metric="syscalls_per_io"),
    Bar(10, "4 KiB random read, 64 in flight, io_uring: system calls per I/O", 0.1, "read-4k-64", "berth:io_uring",
        metric="syscalls_per_io"),
    Bar(10, "4 KiB random read, 64 in flight: allocations per million I/Os", 0, "read-4k-64", "berth",
        count=counts.allocations),
    Bar(10, "4 KiB random read, 64 in flight, 4 threads: futex calls per million I/Os", 0, "read-4k-64",
        "berth:threads=4", count=counts.futex_calls),
]


def samples_of(cell, contestant):
    entry = cell["contestants"].get(contestant)
    return entry["samples"] if entry else []


def best(cell, names, metric):
    """Of those that ran, the one with the lowest median."""
    ran = [n for n in names if median(samples_of(cell, n), metric) is not None]
    return min(ran, key=lambda n: median(samples_of(cell, n), metric)) if ran else None


def why_not(cell, names):
    missing = [cell["contestants"][n].get("missing", "it has no such figure") if n in cell["contestants"] else
               f"{n} is not in the cell {cell['name']}" for n in names]
    return "; ".join(dict.fromkeys(missing))


def by_samples(bar, cell):
    mine = samples_of(cell, bar.mine)
    if not mine:
        return {"why": why_not(cell, [bar.mine])}
    if not bar.theirs:
        return {"values": [s[bar.metric] for s in mine]}
    against = best(cell, bar.theirs, bar.metric)
    if against is None:
        return {"why": why_not(cell, bar.theirs)}
    return {"against": against, "values": ratios(mine, samples_of(cell, against), bar.metric)}


def judge(bar, bench, cell):
    """A row of the record. `met` is None if it could not be measured, and `why` says so."""
    row = {"number": bar.number, "what": bar.what, "limit": bar.limit, "cell": bar.cell, "met": None}
    try:
        found = bar.count(bench, bar) if bar.count else by_samples(bar, cell)
    except Failure as why:
        found = {"why": f"failed: {why}"}
    values = found.pop("values", None)
    row.update(found)
    if values:
        low, row["figure"], high = quartiles(values)
        row["quartiles"], row["met"] = [low, high], row["figure"] <= bar.limit
    return row


def judge_all(bench, cells):
    by_name = {cell["name"]: cell for cell in cells}
    return [judge(bar, bench, by_name[bar.cell]) for bar in BARS if bar.cell in by_name]


def describe(row):
    """One line."""
    if row["met"] is None:
        return f"  {row['number']:>2}  {row['what']:<100} {'':>8}  at most {row['limit']:<8.3g} {row['why']}"
    low, high = row["quartiles"]
    against = f" ({row['against']})" if "against" in row and row["against"].startswith("ceiling") else ""
    return (f"  {row['number']:>2}  {row['what'] + against:<100} {row['figure']:>8.3f}  at most {row['limit']:<8.3g} "
            f"{'met' if row['met'] else 'MISSED'}  [{low:.3f} .. {high:.3f}]")
