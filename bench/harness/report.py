# SPDX-License-Identifier: MIT
"""The report: text for a terminal."""
import sys

from . import bars
from .figures import FORM, column, median, quartiles, ratios

SHOWN = [("cpu_ms_per_gb", "ms/GB", 7), ("iops", "IOPS", 8), ("gb_per_s", "GB/s", 6), ("target_cpu_us_per_io", "target", 7),
         ("system_cpu_us_per_io", "system", 7), ("syscalls_per_io", "calls", 7), ("switches_per_io", "switch", 7),
         ("p50_us", "p50", 7), ("p99_us", "p99", 7), ("p999_us", "p99.9", 7), ("rss_kib", "KiB", 7)]
WIDTH = 22


def cell(entry):
    print(f"\n{entry['name']}: {entry['what']}")
    heads = "".join(f" {head:>{width}}" for _, head, width in SHOWN)
    print(f"  {'':<{WIDTH}} {'CPU us/I/O':>10}  {'quartiles':<18}{heads}")
    for name, row in entry["contestants"].items():
        print(f"  {name:<{WIDTH}} " + (contestant(row["samples"]) if row["samples"] else row.get("missing", "no samples")))
    print_ratios(entry)
    sys.stdout.flush()


def contestant(samples):
    figures = "".join(f" {figure(samples, name):>{width}}" for name, _, width in SHOWN)
    return column([s["cpu_us_per_io"] for s in samples], ".3f") + figures


def figure(samples, metric):
    value = median(samples, metric)
    return "-" if value is None else format(value, FORM[metric])


def print_ratios(entry):
    """The first contestant beside each other: CPU per I/O, and I/Os per second."""
    names = [n for n, row in entry["contestants"].items() if row["samples"]]
    for other in names[1:]:
        pair = [entry["contestants"][n]["samples"] for n in (names[0], other)]
        low, middle, high = quartiles(ratios(*pair, "cpu_us_per_io"))
        _, rate, _ = quartiles(ratios(*pair, "iops"))
        print(f"  {names[0] + ' / ' + other:<{WIDTH + 11}} CPU {middle:.3f} [{low:.3f} .. {high:.3f}]  IOPS {rate:.2f}")


def bar_table(rows):
    if not rows:
        return
    print("\nThe bars: medians of paired ratios, and their quartiles")
    for row in rows:
        print(bars.describe(row))
    missed = sum(row["met"] is False for row in rows)
    open_ = sum(row["met"] is None for row in rows)
    print(f"  {len(rows) - missed - open_} met, {missed} missed, {open_} not measured")
