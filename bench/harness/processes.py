# SPDX-License-Identifier: MIT
"""Processes: where they run, how they end, and what they cost."""
import os
import re
import subprocess
import sys
import tempfile
import time


class Failure(Exception):
    """It cannot be measured; the text says why."""


class Cores:
    """One core for the target, one for the initiator, where there are two."""

    def __init__(self):
        allowed = sorted(os.sched_getaffinity(0))
        self.initiator, self.target = (allowed + [None, None])[:2]
        if self.target is None:
            self.initiator = None

    @staticmethod
    def pin(core, command):
        return command if core is None else ["taskset", "-c", str(core)] + command


class Outcome:
    """What a command said, and what it cost: all of it, from its first to its last instruction."""

    def __init__(self, text, usage, wall_s, rss_kib):
        self.text, self.wall_s, self.rss_kib = text, wall_s, rss_kib
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.switches = usage.ru_nvcsw + usage.ru_nivcsw


def run(command, limit_s):
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        status, usage, rss_kib = wait(child, begin + limit_s)
        wall = time.monotonic() - begin
        out.seek(0)
        err.seek(0)
        text, words = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if status != 0:
        raise Failure(f"{' '.join(command)}: status {status}: {words.strip() or text.strip()}")
    return Outcome(text, usage, wall, rss_kib)


def wait(child, deadline):
    """Until it ends: its status, what it used, and the most memory it was seen with. What the kernel keeps of that would have the
    memory of this program in it, from which the child came."""
    rss_kib = 0
    try:
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                return child.returncode, usage, rss_kib
            if time.monotonic() > deadline:
                raise Failure(f"{' '.join(child.args)}: no end in sight")
            time.sleep(0.02)
            rss_kib = peak_rss_kib(child.pid) or rss_kib
    except BaseException:
        end(child)
        raise


def peak_rss_kib(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            found = re.search(r"^VmHWM:\s+(\d+) kB", f.read(), re.M)
    except OSError:
        return 0
    return int(found.group(1)) if found else 0


def cpu_s(pid):
    """CPU time of all threads of a process, by its clock (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns(~pid << 3 | 2) / 1e9


def end(child):
    if child.returncode is not None:
        return
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def tell(text):
    """What is going on, in place, for who watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
