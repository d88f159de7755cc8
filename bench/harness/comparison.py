# SPDX-License-Identifier: MIT
"""The comparison of two records: what has changed beyond noise. Times of two runs are of two moments of a machine, so what is
compared first are the ratios of each run's neighbours; then what was counted."""
from .figures import quartiles, ratios
from .processes import Failure

LEAST = 0.03  # of a change that is told
COUNTED = ("syscalls_per_io", "rss_kib")
TIMED = ("cpu_us_per_io", "p50_us")


def series(record):
    """(cell, what) -> values, one a round."""
    found = {}
    for cell in record["cells"]:
        rows = {name: row["samples"] for name, row in cell["contestants"].items() if row["samples"]}
        first = next(iter(rows), None)
        for name, samples in rows.items():
            for metric in COUNTED:
                found[cell["name"], f"{name}: {metric}"] = [s[metric] for s in samples if s.get(metric) is not None]
            for metric in TIMED if name != first else ():
                found[cell["name"], f"{first} / {name}: {metric}"] = ratios(rows[first], samples, metric)
    return {key: values for key, values in found.items() if values}


def apart(before, after):
    """Do the middle halves of both lie apart, and their medians by more than a little?"""
    (low_a, a, high_a), (low_b, b, high_b) = quartiles(before), quartiles(after)
    return abs(b - a) > LEAST * max(abs(a), 1e-9) and (low_b > high_a or high_b < low_a)


def changes(old, new):
    before, after = series(old), series(new)
    for key in before:
        if key in after and apart(before[key], after[key]):
            yield key, before[key], after[key]


def bars_that_turned(old, new):
    was = {row["what"]: row for row in old["bars"]}
    for row in new["bars"]:
        if row["what"] in was and was[row["what"]]["met"] != row["met"]:
            yield was[row["what"]], row


def word(row):
    return {True: "met", False: "missed", None: "not measured"}[row["met"]]


def tell(old, new):
    """Prints; returns how many changes were told."""
    was, now = ({cell["name"] for cell in record["cells"]} for record in (old, new))
    if not was & now:
        raise Failure("the records have no cell in common; measure the same ones, with bench/run --cell NAME")
    told = 0
    for (cell, what), before, after in changes(old, new):
        told += 1
        (low_a, a, high_a), (low_b, b, high_b) = quartiles(before), quartiles(after)
        print(f"{cell:<18} {what:<52} {a:9.3f} [{low_a:.3f} .. {high_a:.3f}] -> {b:9.3f} [{low_b:.3f} .. {high_b:.3f}]"
              f"  {'less' if b < a else 'more'}: x{b / a if a else float('inf'):.2f}")
    for before, row in bars_that_turned(old, new):
        told += 1
        print(f"bar {row['number']}: {row['what']}: was {word(before)}, is {word(row)}")
    if was ^ now:
        print(f"in one of them only: {', '.join(sorted(was ^ now))}")
    if not told:
        print("nothing has changed beyond noise")
    return told
