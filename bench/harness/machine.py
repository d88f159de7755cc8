# SPDX-License-Identifier: MIT
"""The machine: what it is, and what else it did."""
import ctypes
import os
import re
import subprocess
import time

INTERESTING = ("sse4_2", "pclmulqdq", "avx2", "avx512f", "vpclmulqdq", "hypervisor")


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
    except OSError:
        return ""


def package(name):
    return first_line(["dpkg-query", "-W", "-f=${Version}", name])


def words_of(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return "unknown"


def has_pmu():
    """May cycles be counted? perf_event_open(2) is asked for one counter of this process."""
    if os.uname().machine != "x86_64":
        return None
    attributes = (ctypes.c_char * 128)()
    attributes[4:8] = (128).to_bytes(4, "little")  # size; type and config 0: hardware, cycles
    attributes[40] = 0x60  # exclude_kernel, exclude_hv
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(298, attributes, 0, -1, -1, 0)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def look(cores, berth):
    info = words_of("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.*)", info, re.M)
    flags = re.search(r"^flags\s*: (.*)", info, re.M)
    flags = flags.group(1).split() if flags else []
    return {
        "cpu": model.group(1) if model else os.uname().machine,
        "flags": [f for f in INTERESTING if f in flags],
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in flags,
        "pmu": has_pmu(),
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "load": os.getloadavg()[0],
        "congestion_control": words_of("/proc/sys/net/ipv4/tcp_congestion_control"),
        "initiator_core": cores.initiator,
        "target_core": cores.target,
        "berth": first_line([berth, "--version"]),
        "libiscsi": package("libiscsi7") or package("libiscsi-bin"),
        "qemu": package("qemu-utils"),
        "tgt": package("tgt"),
    }


def describe(m, rounds):
    print(f"{m['cpu']}, {m['cores']} cores{' of a virtual machine' if m['virtual'] else ''}, {m['kernel']}, "
          f"load {m['load']:.1f} before, TCP congestion control {m['congestion_control']}")
    if m["target_core"] is None:
        print("there is only one core: target and initiator share it, and the figures are of little use")
    else:
        print(f"initiator on core {m['initiator_core']}, target on core {m['target_core']}; "
              f"{rounds} interleaved rounds; libiscsi {m['libiscsi'] or 'of unknown version'}")


def busy_s(core=None):
    """Seconds in which a core, or all of them, did anything, and of its time that its host took."""
    name = "cpu" if core is None else f"cpu{core}"
    with open("/proc/stat") as f:
        line = next(line for line in f if line.split()[0] == name)
    user, nice, system, _, _, irq, softirq, steal = [int(n) for n in line.split()[1:9]]
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


class Meanwhile:
    """How much of the machine's time went to others while we measured: other processes here, and other machines on its host.
    `ours` tells what was ours and is no child that has ended."""

    def __init__(self, ours=lambda: 0.0):
        self.ours = ours
        self.begin = self.now()

    def now(self):
        busy, stolen = busy_s()
        return time.monotonic(), busy, stolen, sum(os.times()[:4]) + self.ours()

    def shares(self, cores):
        elapsed, busy, stolen, ours = [b - a for a, b in zip(self.begin, self.now())]
        return max(0, busy - ours) / elapsed / cores, stolen / elapsed / cores


def tell_meanwhile(m, meanwhile):
    m["others"], m["stolen"] = meanwhile.shares(m["cores"])
    print(f"\nmeanwhile other processes took {m['others']:.0%} of the machine's time, and its host {m['stolen']:.1%}")
