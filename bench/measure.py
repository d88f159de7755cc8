# SPDX-License-Identifier: MIT
"""What the programs that measure share: processes and what they cost, the contestants, the targets, statistics, the machine."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

LUN_MIB = 64


class Failure(Exception):
    pass


# --- processes ---


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


def measured(command, limit_s):
    """Runs a command; returns its output, the CPU seconds it took and its seconds."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        status, usage = wait4(child, begin + limit_s)
        wall = time.monotonic() - begin
        out.seek(0)
        err.seek(0)
        text, words = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if status != 0:
        raise Failure(f"{' '.join(command)}: status {status}: {words.strip() or text.strip()}")
    return text, usage.ru_utime + usage.ru_stime, wall


def wait4(child, deadline):
    """Like Popen.wait(), but with what the child used."""
    try:
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                return child.returncode, usage
            if time.monotonic() > deadline:
                raise Failure(f"{' '.join(child.args)}: no end in sight")
            time.sleep(0.02)
    except BaseException:
        end(child)
        raise


def end(child):
    if child.returncode is not None:
        return
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


# --- the contestants ---


def run_berth(bench, url, rw, block, depth, seconds):
    command = [bench.berth, "bench", url, "--rw", rw, "--bs", str(block), "--depth", str(depth),
               "--time", str(seconds), "--json"]
    if "write" in rw:
        command.append("--force")
    command = bench.cores.pin(bench.cores.initiator, command)
    text, cpu, wall = measured(command, seconds + 60)
    told = json.loads(text)
    if told["errors"]:
        raise Failure(f"{' '.join(command)}: {told['errors']} I/Os failed")
    return {"command": command, "ios": told["ios"], "cpu_s": cpu, "wall_s": wall, "iops": told["iops"],
            "cpu_us_per_io": cpu / told["ios"] * 1e6, "syscalls_per_io": told["syscalls_per_io"],
            "own_cpu_us_per_io": told["cpu_us_per_io"]}


def run_iscsi_perf(bench, url, rw, block, depth, seconds):
    """iscsi-perf prints a rate. Its whole run time, which includes the login, turns that into a number of I/Os that is a little
    too high: what is uncertain counts in its favour."""
    command = ["iscsi-perf", "-m", str(depth), "-b", str(block // 4096), "-t", str(seconds)]
    command += (["-r"] if rw == "randread" else []) + [url]
    command = bench.cores.pin(bench.cores.initiator, command)
    text, cpu, wall = measured(command, seconds + 60)
    # "\r00:00:01 - ... iops average N (...), in_flight ..." each second, and at the end "\riops average N (M MB/s)".
    final = re.findall(r"(?:^|[\r\n])iops average (\d+) \(\d+ MB/s\)", text)
    if len(final) != 1 or int(final[0]) == 0 or "finished." not in text:
        raise Failure(f"{' '.join(command)}: its result is not understood: {text!r}")
    ios = int(final[0]) * wall
    return {"command": command, "ios": ios, "cpu_s": cpu, "wall_s": wall, "iops": int(final[0]),
            "cpu_us_per_io": cpu / ios * 1e6}


CONTESTANTS = {"berth": run_berth, "iscsi-perf": run_iscsi_perf}


# --- the targets ---


def fill(bench, url):
    """Reading what was never written is reading one page of zeros over and over."""
    with tempfile.NamedTemporaryFile(dir=bench.work) as data:
        for _ in range(LUN_MIB):
            data.write(os.urandom(1 << 20))
        data.flush()
        measured([bench.berth, "copy", "--force", data.name, url], 120)


class BerthServe:
    """berth's own target, with one LUN in memory unless another store is given."""
    name = "berth serve, ram, sleeping"
    options = []

    def __init__(self, bench, store=None):
        store = store or f"ram:{LUN_MIB}M"
        self.command = bench.cores.pin(bench.cores.target, [
            bench.berth, "serve", "--listen", "127.0.0.1:0", "--lun", f"{store},block=4096", "--json"])
        self.command += self.options
        with tempfile.NamedTemporaryFile("w", dir=bench.work, suffix=".err", delete=False) as err:
            words = err.name
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err)
        line = self.child.stdout.readline()
        if not line:
            with open(words) as err:
                raise Failure(f"{' '.join(self.command)} does not start: {err.read().strip()}")
        ready = json.loads(line)
        self.url = f"iscsi://{ready['portals'][0]}/{ready['target']}/0"

    def stop(self):
        end(self.child)


class Tgtd:
    """tgt's own target, with its data in a file of /dev/shm unless another file is given."""
    name = "tgtd, file in memory"
    iqn = "iqn.2026-11.io.berth:bench"

    def __init__(self, bench, path=None):
        self.control = 20000 + os.getpid() % 10000  # names its control socket
        self.port = free_port()
        self.child = None
        self.store = open(path, "rb") if path else self.file_in_memory(bench)
        self.command = bench.cores.pin(bench.cores.target, [
            "tgtd", "-f", "-C", str(self.control), "--iscsi", f"portal=127.0.0.1:{self.port}"])
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        try:
            self.set_up()
        except BaseException:
            self.stop()
            raise
        self.url = f"iscsi://127.0.0.1:{self.port}/{self.iqn}/1"

    @staticmethod
    def file_in_memory(bench):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else bench.work
        store = tempfile.NamedTemporaryFile(dir=memory)
        store.truncate(LUN_MIB << 20)
        return store

    def set_up(self):
        target = ["--mode", "target", "--op", "new", "--tid", "1", "-T", self.iqn]
        for _ in range(50):
            time.sleep(0.1)
            if self.admin(target):
                break
        lun = ["--mode", "logicalunit", "--op", "new", "--tid", "1", "--lun", "1", "-b", self.store.name]
        if not self.admin(lun + ["--bstype", "rdwr", "--blocksize", "4096"]):
            raise Failure("tgtd takes no LUN")
        self.admin(["--mode", "target", "--op", "bind", "--tid", "1", "-I", "ALL"])

    def admin(self, arguments):
        command = ["tgtadm", "-C", str(self.control), "--lld", "iscsi"] + arguments
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def stop(self):
        if self.child:
            end(self.child)
        self.store.close()
        for left in (f"/var/run/tgtd/socket.{self.control}", f"/var/run/tgtd/socket.{self.control}.lock"):
            if os.path.exists(left):
                os.unlink(left)

    @staticmethod
    def missing():
        """Why it cannot be a target here, or None."""
        if not shutil.which("tgtd") or not shutil.which("tgtadm"):
            return "tgtd is not installed (package tgt)"
        return "tgtd runs as root only" if os.geteuid() != 0 else None


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- statistics ---


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratios(mine, theirs, key):
    """Of neighbours: sample by sample."""
    return [a[key] / b[key] for a, b in zip(mine, theirs)]


def column(values, form):
    low, middle, high = (format(v, form) for v in quartiles(values))
    return f"{middle:>9}  {low + ' .. ' + high:<19}"


# --- telling ---


def tell(text):
    """What is going on, in place, for who watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
    except OSError:
        return ""


class Meanwhile:
    """How much of the machine's time went to others while we measured: other processes here, and other machines on its host."""

    def __init__(self):
        self.begin = self.look()

    @staticmethod
    def look():
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, steal = [int(n) for n in f.readline().split()[1:9]]
        ours = sum(os.times()[:4])  # with all children that have ended
        tick = os.sysconf("SC_CLK_TCK")
        return time.monotonic(), (user + nice + system + irq + softirq) / tick, steal / tick, ours

    def shares(self, cores):
        now = self.look()
        elapsed, busy, stolen, ours = [b - a for a, b in zip(self.begin, now)]
        return max(0, busy - ours) / elapsed / cores, stolen / elapsed / cores


def congestion_control():
    """The system's choice for TCP: some pace what is sent by timers, which counts as CPU time of who sends."""
    try:
        with open("/proc/sys/net/ipv4/tcp_congestion_control") as f:
            return f.read().strip()
    except OSError:
        return "unknown"


def machine(cores):
    with open("/proc/cpuinfo") as f:
        info = f.read()
    model = re.search(r"^model name\s*: (.*)", info, re.M)
    return {
        "cpu": model.group(1) if model else os.uname().machine,
        "cores": os.cpu_count(),
        "virtual": re.search(r"^flags.*\bhypervisor\b", info, re.M) is not None,
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "load": os.getloadavg()[0],
        "congestion_control": congestion_control(),
        "initiator_core": cores.initiator,
        "target_core": cores.target,
        "libiscsi": first_line(["dpkg-query", "-W", "-f=${Version}", "libiscsi-bin"]),
    }


def describe(m, rounds):
    print(f"{m['cpu']}, {m['cores']} cores{' of a virtual machine' if m['virtual'] else ''}, {m['kernel']}, "
          f"load {m['load']:.1f} before, TCP congestion control {m['congestion_control']}")
    if m["target_core"] is None:
        print("there is only one core: target and initiator share it, and the figures are of little use")
    else:
        print(f"initiator on core {m['initiator_core']}, target on core {m['target_core']}; "
              f"{rounds} interleaved rounds; libiscsi {m['libiscsi'] or 'of unknown version'}")
