# SPDX-License-Identifier: MIT
"""Contestants: the initiators that are compared. A cell names them by a kind and words for it, with colons between: `berth`,
`berth:poll`, `libiscsi:both`, `ceiling:staged`."""
import json
import os
import re
import shutil

from . import processes
from .processes import Failure

SECTOR = 512
LIMIT_S = 60  # longer than asked for


class Contestant:
    kind = None
    target_prefix = ""  # of the kinds of targets that it is run against
    whole_process = False  # its costs are those of the whole process, start and end included

    def __init__(self, bench, name):
        self.bench, self.name = bench, name
        self.words = name.split(":")[1:]

    def missing(self, cell):
        """Why it cannot run this cell, or None."""
        return None

    def command(self, cell, url, seconds):
        raise NotImplementedError

    def read(self, outcome, cell):
        """The fields of a sample."""
        told = json.loads(outcome.text)
        if told["errors"]:
            raise Failure(f"{self.name}: {told['errors']} I/Os failed")
        kept = ("ios", "iops", "cpu_us_per_io", "syscalls_per_io", "p50_us", "p99_us", "p999_us")
        return {key: told[key] for key in kept}

    def run(self, cell, url, seconds):
        command = self.bench.link.initiator + self.bench.cores.pin(self.bench.cores.initiator,
                                                                   self.command(cell, url, seconds))
        outcome = processes.run(command, seconds + LIMIT_S)
        sample = self.read(outcome, cell)
        sample["wall_s"], sample["rss_kib"] = outcome.wall_s, outcome.rss_kib
        sample["switches_per_io"] = outcome.switches / sample["ios"]
        return command, sample


def load_words(cell, seconds, depth=None):
    return ["--rw", cell.rw, "--bs", str(cell.block), "--depth", str(depth or cell.depth), "--time", str(seconds)]


class Berth(Contestant):
    """The command under test. Words: digests (header, data, both), poll, sleep, an engine, threads=N."""
    kind = "berth"
    help = {}  # what `berth bench --help` says, by the command's path

    def option(self, word):
        if word in ("header", "data", "both"):
            return ["--digest", word]
        if word in ("poll", "sleep"):
            return ["--" + word]
        if word.startswith("threads="):
            return ["--threads", word.split("=")[1], "--reactors", "1"]
        return ["--engine", word]

    def options(self, cell):
        options = [o for word in self.words for o in self.option(word)]
        return options + (["--sessions", str(cell.sessions)] if cell.sessions > 1 else [])

    def depth(self, cell):
        """Of one thread: the threads share the cell's."""
        threads = next((int(w.split("=")[1]) for w in self.words if w.startswith("threads=")), 1)
        return max(1, cell.depth // threads)

    def missing(self, cell):
        known = self.known()
        for option in self.options(cell):
            if option.startswith("--") and option not in known:
                return f"not built: berth bench has no {option}"
        return None

    def known(self):
        if self.bench.berth not in Berth.help:
            Berth.help[self.bench.berth] = processes.run([self.bench.berth, "bench", "--help"], 10).text
        return re.findall(r"--[a-z-]+", Berth.help[self.bench.berth])

    def command(self, cell, url, seconds):
        force = ["--force"] if cell.writes else []
        return [self.bench.berth, "bench", url, *load_words(cell, seconds, self.depth(cell)), "--json", *force,
                *self.options(cell)]


class Many(Contestant):
    """Our own driver on libberth: one thread, and an event loop of its own. Words: handles (one for each session)."""
    kind = "many"

    def command(self, cell, url, seconds):
        return [self.bench.program("many"), url, *load_words(cell, seconds), "--sessions", str(cell.sessions),
                *("--" + word for word in self.words)]


class Libiscsi(Contestant):
    """Our own driver on libiscsi's asynchronous calls. Words: digests, poll."""
    kind = "libiscsi"

    def missing(self, cell):
        if cell.sessions > 1:
            return "the driver has one session"
        if not os.access(self.bench.program("libiscsi"), os.X_OK):
            return "bench_libiscsi is not built (package libiscsi-dev)"
        if "both" in self.words and not self.data_digests():
            return "this version of libiscsi has no data digests"
        return None

    def data_digests(self):
        return "data-digest" in processes.run([self.bench.program("libiscsi"), "features"], 10).text

    def command(self, cell, url, seconds):
        options = [o for w in self.words for o in (["--poll"] if w == "poll" else ["--digests", w])]
        return [self.bench.program("libiscsi"), url, *load_words(cell, seconds), *options]


class IscsiPerf(Contestant):
    """libiscsi's own program. It prints a rate. Its whole run time, which includes the login, turns that into a number of I/Os that
    is a little too high: what is uncertain counts in its favour."""
    kind = "iscsi-perf"
    whole_process = True

    def missing(self, cell):
        if cell.writes:
            return "it does not write"
        return None if shutil.which("iscsi-perf") else "not installed (package libiscsi-bin)"

    def command(self, cell, url, seconds):
        random = ["-r"] if cell.rw.startswith("rand") else []
        return ["iscsi-perf", "-m", str(cell.depth), "-b", str(cell.block // SECTOR), "-t", str(max(1, round(seconds))),
                *random, url]

    def read(self, outcome, cell):
        # "\r00:00:01 - ... iops average N (...), in_flight ..." each second, and at the end "\riops average N (M MB/s)".
        final = re.findall(r"(?:^|[\r\n])iops average (\d+) \(\d+ MB/s\)", outcome.text)
        if len(final) != 1 or int(final[0]) == 0 or "finished." not in outcome.text:
            raise Failure(f"{self.name}: its result is not understood: {outcome.text!r}")
        ios = int(final[0]) * outcome.wall_s
        return {"ios": ios, "iops": int(final[0]), "cpu_us_per_io": outcome.cpu_s / ios * 1e6}


class QemuImg(Contestant):
    """QEMU's own initiator, by `qemu-img bench`, which reads or writes in order. It does a number of I/Os: the first run finds out
    how many make the time. The cost of a run of one I/O, measured beside each, is taken off: starting QEMU costs much."""
    kind = "qemu"
    whole_process = True

    def __init__(self, bench, name):
        super().__init__(bench, name)
        self.counts = {}

    def missing(self, cell):
        if not cell.rw.endswith(("read", "write")):
            return "it does not mix"
        try:
            text = processes.run(["qemu-img", "--help"], 10).text
        except (Failure, OSError):
            return "not installed (package qemu-utils)"
        return None if " iscsi" in text or self.has_module() else "qemu-img has no iscsi (package qemu-block-extra)"

    @staticmethod
    def has_module():
        return any(os.path.exists(f"/usr/lib/{arch}-linux-gnu/qemu/block-iscsi.so") for arch in ("x86_64", "aarch64"))

    def command(self, cell, url, seconds, count=None):
        write = ["-w"] if cell.writes else []
        return ["qemu-img", "bench", "-f", "raw", "-t", "none", "-c", str(count or self.counts[cell]), "-d", str(cell.depth),
                "-s", str(cell.block), *write, url]

    def once(self, cell, url, count):
        command = self.bench.cores.pin(self.bench.cores.initiator, self.command(cell, url, 0, count))
        outcome = processes.run(self.bench.link.initiator + command, LIMIT_S)
        took = re.search(r"Run completed in ([\d.]+) seconds", outcome.text)
        if not took:
            raise Failure(f"{self.name}: its result is not understood: {outcome.text!r}")
        return command, outcome, max(float(took.group(1)), 1e-3)

    def run(self, cell, url, seconds):
        if cell not in self.counts:
            trial = 16 * cell.depth
            self.counts[cell] = max(trial, int(trial / self.once(cell, url, trial)[2] * seconds))
        _, empty, _ = self.once(cell, url, 1)
        command, outcome, took = self.once(cell, url, self.counts[cell])
        ios = self.counts[cell]
        return command, {"ios": ios, "iops": ios / took, "wall_s": outcome.wall_s, "rss_kib": outcome.rss_kib,
                         "cpu_us_per_io": max(0, outcome.cpu_s - empty.cpu_s) / ios * 1e6,
                         "switches_per_io": (outcome.switches - empty.switches) / ios}


class Ceiling(Contestant):
    """Plain TCP. Words: a shape, and poll, look=MICROSECONDS or lowat=BYTES."""
    kind = "ceiling"
    target_prefix = "ceiling-"

    def command(self, cell, url, seconds):
        options = []
        for word in self.words:
            if word == "poll":
                options += ["--poll"]
            elif "=" in word:
                options += ["--" + word.split("=")[0], word.split("=")[1]]
            else:
                options += ["--shape", word]
        return [self.bench.program("ceiling"), "run", url, *load_words(cell, seconds), "--sockets", str(cell.sessions),
                *options]


KINDS = {c.kind: c for c in (Berth, Many, Libiscsi, IscsiPerf, QemuImg, Ceiling)}


def make(bench, name):
    kind = name.split(":")[0]
    if kind not in KINDS:
        raise Failure(f"there is no contestant {kind}; there are {', '.join(KINDS)}")
    return KINDS[kind](bench, name)
