# SPDX-License-Identifier: MIT
"""Targets: those that contestants are run against. A bench has berth, programs, cores, work and link."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import processes
from .processes import Failure

LUN_MIB = 64


class Target:
    """A process on the target's core, behind the link. `rest` keeps one that never sleeps from the core while another is
    asked."""
    busy = False

    def start(self, bench, command, **options):
        self.link = bench.link
        self.command = bench.link.target + bench.cores.pin(bench.cores.target, command)
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, **options)

    def cpu_s(self):
        return processes.cpu_s(self.child.pid)

    def rest(self):
        self.child.send_signal(signal.SIGSTOP)

    def work(self):
        self.child.send_signal(signal.SIGCONT)

    def stop(self):
        if self.child.returncode is None:
            self.work()
        processes.end(self.child)


class BerthServe(Target):
    """berth's own target, with one LUN in memory unless another store is given."""
    name = "berth serve, ram, sleeping"
    options = []

    def __init__(self, bench, store=None, options=()):
        store = store or f"ram:{LUN_MIB}M"
        self.options = [*self.options, *options]
        self.busy = "--busy-poll" in self.options
        with tempfile.NamedTemporaryFile("w", dir=bench.work, suffix=".err", delete=False) as err:
            words = err.name
            self.start(bench, [bench.berth, "serve", "--no-auth", "--listen", f"{bench.link.address}:0", "--lun",
                               f"{store},block=512", "--json", *self.options], stdout=subprocess.PIPE, stderr=err)
        line = self.child.stdout.readline()
        if not line:
            with open(words) as err:
                raise Failure(f"{' '.join(self.command)} does not start: {err.read().strip()}")
        ready = json.loads(line)
        self.url = f"iscsi://{ready['portals'][0]}/{ready['target']}/0"


class BerthServeBusy(BerthServe):
    """Where there is a core for it alone it polls without sleeping: whoever sends to a sleeping target pays for waking it up."""
    name = "berth serve, ram, busy"
    options = ["--busy-poll"]


class Tgtd(Target):
    """tgt's own target, with its data in a file of /dev/shm unless another file is given."""
    name = "tgtd, file in memory"
    iqn = "iqn.2026-11.io.berth:bench"
    made = 0

    def __init__(self, bench, path=None):
        why = self.missing()
        if why:
            raise Failure(why)
        Tgtd.made += 1
        self.control = 20000 + (os.getpid() * 8 + Tgtd.made) % 10000  # names its control socket
        self.port = free_port()
        self.store = open(path, "rb") if path else file_in_memory(bench)
        self.start(bench, ["tgtd", "-f", "-C", str(self.control), "--iscsi",
                           f"portal={bench.link.address}:{self.port}"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.set_up()
        except BaseException:
            self.stop()
            raise
        self.url = f"iscsi://{bench.link.address}:{self.port}/{self.iqn}/1"

    def set_up(self):
        target = ["--mode", "target", "--op", "new", "--tid", "1", "-T", self.iqn]
        for _ in range(50):
            time.sleep(0.1)
            if self.admin(target):
                break
        lun = ["--mode", "logicalunit", "--op", "new", "--tid", "1", "--lun", "1", "-b", self.store.name]
        if not self.admin(lun + ["--bstype", "rdwr", "--blocksize", "512"]):
            raise Failure("tgtd takes no LUN")
        self.admin(["--mode", "target", "--op", "bind", "--tid", "1", "-I", "ALL"])

    def admin(self, arguments):
        command = self.link.target + ["tgtadm", "-C", str(self.control), "--lld", "iscsi"] + arguments
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def stop(self):
        super().stop()
        self.store.close()
        for left in (f"/var/run/tgtd/socket.{self.control}", f"/var/run/tgtd/socket.{self.control}.lock"):
            if os.path.exists(left):
                os.unlink(left)

    @staticmethod
    def missing():
        """Why it cannot be a target here, or None."""
        if not shutil.which("tgtd") or not shutil.which("tgtadm"):
            return "tgtd is not installed (package tgt)"
        return "tgtd runs as root only: run it as root" if os.geteuid() != 0 else None


class Ceiling(Target):
    """The sender of plain TCP."""

    def __init__(self, bench, busy):
        self.busy = busy
        self.start(bench, [bench.program("ceiling"), "serve", *(["--busy-poll"] if busy else []), bench.link.address],
                   stdout=subprocess.PIPE, text=True)
        port = self.child.stdout.readline().strip()
        if not port:
            raise Failure("the ceiling's sender does not start")
        self.url = f"{bench.link.address}:{port}"


def file_in_memory(bench):
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else bench.work
    store = tempfile.NamedTemporaryFile(dir=memory)
    store.truncate(LUN_MIB << 20)
    return store


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fill(bench, url):
    """Reading what was never written is reading one page of zeros over and over."""
    with tempfile.NamedTemporaryFile(dir=bench.work) as data:
        for _ in range(LUN_MIB):
            data.write(os.urandom(1 << 20))
        data.flush()
        processes.run(bench.link.initiator + [bench.berth, "copy", "--force", data.name, url], 120)


# The kinds that a cell may name, each with what makes it.
KINDS = {
    "busy": BerthServeBusy,
    "sleeping": BerthServe,
    "busy-8k": lambda bench: BerthServeBusy(bench, options=["--key", "MaxRecvDataSegmentLength=8192"]),
    "tgtd": Tgtd,
    "ceiling-busy": lambda bench: Ceiling(bench, True),
    "ceiling-sleeping": lambda bench: Ceiling(bench, False),
}


class Pool:
    """Targets of one link, each started when it is first asked for. Of those that never sleep only one runs at a time."""

    def __init__(self, bench):
        self.bench, self.up = bench, {}

    def ask(self, kind):
        target = self.up.get(kind)
        for other in self.up.values():
            if other is not target and other.busy:
                other.rest()
        if target is None:
            target = self.up[kind] = KINDS[kind](self.bench)
            if not kind.startswith("ceiling"):
                fill(self.bench, target.url)
        target.work()
        return target

    def cpu_s(self):
        return sum(target.cpu_s() for target in self.up.values())

    def stop(self):
        for target in self.up.values():
            target.stop()
