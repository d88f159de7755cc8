# SPDX-License-Identifier: MIT
"""What the harness makes of samples: bars, comparisons, the table of cells, the form of a record."""
import argparse
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "bench"))
from harness import bars, cells, comparison, counts, program, record
from harness.figures import quartiles, ratios
from harness.processes import Failure


def entry(**costs):
    """A cell whose contestants cost so much, one sample a figure."""
    return {"name": "cell", "contestants": {name.replace("_", ":"): {"samples": [
        {"ios": 1, "iops": 1, "cpu_us_per_io": cost, "cpu_ms_per_gb": cost, "syscalls_per_io": cost, "rss_kib": 9}
        for cost in each]} for name, each in costs.items()}}


def bar(limit, theirs, **more):
    return bars.Bar(1, "a bar", limit, "cell", "berth", theirs, **more)


class Bars(unittest.TestCase):
    def test_is_met_at_its_limit(self):
        cell = entry(berth=[1, 2, 3], libiscsi=[2, 4, 6])
        self.assertTrue(bars.judge(bar(0.5, ("libiscsi",)), None, cell)["met"])
        self.assertFalse(bars.judge(bar(0.49, ("libiscsi",)), None, cell)["met"])

    def test_takes_the_median_of_ratios_of_neighbours(self):
        row = bars.judge(bar(9, ("libiscsi",)), None, entry(berth=[1, 10, 3], libiscsi=[1, 100, 1]))
        self.assertEqual(row["figure"], 1)

    def test_is_held_against_the_best(self):
        row = bars.judge(bar(9, ("a", "b")), None, entry(berth=[6, 6], a=[3, 3], b=[2, 2]))
        self.assertEqual((row["against"], row["figure"]), ("b", 3))

    def test_may_stand_by_itself(self):
        row = bars.judge(bar(0.1, (), metric="syscalls_per_io"), None, entry(berth=[0.2, 0.2]))
        self.assertEqual((row["figure"], row["met"]), (0.2, False))

    def test_says_why_it_is_not_measured(self):
        cell = entry(berth=[1])
        cell["contestants"]["berth"] = {"samples": [], "missing": "not built"}
        row = bars.judge(bar(1, ()), None, cell)
        self.assertEqual((row["met"], row["why"]), (None, "not built"))
        self.assertIn("not built", bars.describe(row))

    def test_says_what_failed(self):
        def count(_bench, _bar):
            raise Failure("it fell over")
        row = bars.judge(bar(1, (), count=count), None, entry(berth=[1]))
        self.assertEqual((row["met"], row["why"]), (None, "failed: it fell over"))

    def test_each_names_a_cell_and_contestants_of_it(self):
        table = {cell.name: cell for cell in cells.read_table()}
        for row in bars.BARS:
            self.assertIn(row.cell, table)
            self.assertIn("bars", table[row.cell].sets)
            for name in (row.theirs if row.count else (row.mine, *row.theirs)):
                self.assertIn(name, table[row.cell].contestants, row.what)


class Figures(unittest.TestCase):
    def test_quartiles_of_one(self):
        self.assertEqual(quartiles([7]), (7, 7, 7))

    def test_ratios_leave_out_what_has_no_figure(self):
        self.assertEqual(ratios([{"a": 4}, {"a": None}], [{"a": 2}, {"a": 2}], "a"), [2])

    def test_a_slope_takes_off_start_and_end(self):
        self.assertEqual(counts.slope((100, 1000), (100, 5000)), 0)
        self.assertEqual(counts.slope((100, 1000), (110, 11000)), 1000)


class Counts(unittest.TestCase):
    def test_what_is_counted_lies_between_begin_and_end(self):
        lines = ["1 futex(a", "1 clone3({", "2 futex(b", "1 clone(", "1 futex(c", "2 futex(d", "2 +++ exited with 0 +++", "1 futex(e"]
        self.assertEqual(counts.between_the_ends(lines), ["1 futex(c", "2 futex(d"])
        self.assertEqual(counts.between_the_ends(["1 futex(a"]), ["1 futex(a"])


class Comparison(unittest.TestCase):
    def test_noise_is_no_change(self):
        self.assertFalse(comparison.apart([1.0, 1.1, 1.2], [1.1, 1.15, 1.3]))
        self.assertFalse(comparison.apart([1.00, 1.00], [1.01, 1.01]))
        self.assertTrue(comparison.apart([1.0, 1.1, 1.2], [2.0, 2.1, 2.2]))

    def test_a_bar_that_turned_is_told(self):
        rows = [{"what": "a bar", "met": met, "number": 1} for met in (True, False)]
        old, new = ({"bars": [row], "cells": []} for row in rows)
        self.assertEqual(len(list(comparison.bars_that_turned(old, new))), 1)
        self.assertEqual(len(list(comparison.bars_that_turned(old, old))), 0)

    def test_records_of_other_cells_are_not_found_alike(self):
        old, new = ({"bars": [], "cells": [{"name": name, "contestants": {}}]} for name in ("a", "b"))
        with self.assertRaisesRegex(Failure, "no cell in common"):
            comparison.tell(old, new)


class Cells(unittest.TestCase):
    def test_units(self):
        self.assertEqual([cells.size(s) for s in ("512", "4k", "1M")], [512, 4096, 1 << 20])

    def test_names_are_said_once(self):
        names = [cell.name for cell in cells.read_table()]
        self.assertEqual(len(names), len(set(names)))

    def test_unknown_cells_are_refused(self):
        with self.assertRaises(Failure):
            cells.named(cells.read_table(), ["no-such-cell"])


class Record(unittest.TestCase):
    def test_what_is_missing_is_named(self):
        with self.assertRaisesRegex(Failure, "rounds"):
            record.check({"schema": record.SCHEMA}, "x")
        with self.assertRaises(Failure):
            record.check([], "x")

    def test_joined_ones_keep_what_was_measured_last(self):
        old = {"cells": [{"name": "a", "is": 1}, {"name": "b", "is": 1}], "bars": []}
        new = {"cells": [{"name": "b", "is": 2}], "bars": []}
        self.assertEqual([cell["is"] for cell in record.join(old, new)["cells"]], [1, 2])

    def test_what_cannot_be_read_says_what_to_do(self):
        for path in (__file__, os.path.dirname(__file__), __file__ + ".none"):
            with self.assertRaisesRegex(Failure, "bench/run --json"):
                record.load(path)


class Words(unittest.TestCase):
    def test_numbers_are_above_none(self):
        self.assertEqual((program.rounds("9"), program.seconds("0.5")), (9, 0.5))
        for text in ("0", "-1", "x", "nan", "inf", "1e9"):
            for kind in (program.rounds, program.seconds):
                self.assertRaises(argparse.ArgumentTypeError, kind, text)

    def test_a_record_is_kept_where_it_can_be(self):
        here = os.path.dirname(os.path.realpath(__file__))
        for path in (here, os.path.join(here, "no-such-folder", "a.json")):
            self.assertRaises(argparse.ArgumentTypeError, program.new_file, path)


if __name__ == "__main__":
    unittest.main()
