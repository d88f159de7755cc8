# SPDX-License-Identifier: MIT
"""Counts: what is not timed but counted, in runs of their own, as counting slows them down. Each is a function of a bench and a bar,
and returns `values`, or `why` there are none."""
import json
import os
import re
import shutil

from . import contestants, processes

SENDS = ("sendmsg", "sendto", "writev", "sendfile", "sendmmsg", "io_uring_enter")
SHORT_S, LONG_S = 0.5, 1.5


def prepared(bench, bar, needed):
    """The cell, the contestant and the address of its target; or why it cannot be."""
    cell = bench.cell(bar.cell)
    contestant = contestants.make(bench, bar.mine)
    missing = contestant.missing(cell) or needed(bench)
    return cell, contestant, missing


def needs_strace(_):
    return None if shutil.which("strace") else "strace is not installed"


def needs_heap(bench):
    return None if os.path.exists(bench.library("heap")) else "libbench_heap.so is not built"


def run(bench, contestant, cell, seconds, prefix):
    target = bench.ask(contestant.target_prefix + cell.target)
    command = prefix + contestant.command(cell, target.url, seconds)
    command = bench.cores.pin(bench.cores.initiator, command)
    return json.loads(processes.run(bench.link.initiator + command, seconds + 60).text)


def traced(bench, contestant, cell, seconds, calls):
    """How often these system calls were made, and how many I/Os."""
    table = os.path.join(bench.work, "strace.txt")
    told = run(bench, contestant, cell, seconds,
               ["strace", "-f", "--seccomp-bpf", "-qq", "-c", "-U", "calls,name", "-o", table, "-e",
                "trace=" + ",".join(calls)])
    with open(table) as f:
        rows = re.findall(r"^\s*(\d+)\s+(\w+)$", f.read(), re.M)
    return sum(int(count) for count, name in rows if name in calls), told["ios"]


def slope(short, long):
    """Per million I/Os, without what start and end cost: from (count, I/Os) of a short run and a long one."""
    (few, few_ios), (many, many_ios) = short, long
    return (many - few) / max(1, many_ios - few_ios) * 1e6


def send_calls(bench, bar):
    cell, contestant, missing = prepared(bench, bar, needs_strace)
    if missing:
        return {"why": missing}
    values = []
    for _ in range(min(3, bench.rounds)):
        count, ios = traced(bench, contestant, cell, SHORT_S, SENDS)
        values.append(count / max(1, ios))
    return {"values": values}


def between_the_ends(lines):
    """Of a trace the lines behind the last thread's begin and before the first one's end. How often threads wait for each other
    while they begin and end differs from run to run by more than all I/Os together cost."""
    begins = [i for i, line in enumerate(lines) if re.search(r"\bclone3?\(", line)]
    ends = [i for i, line in enumerate(lines) if "exited with" in line]
    return lines[begins[-1] + 1 if begins else 0:ends[0] if ends else None]


def futex_calls(bench, bar):
    """Of one run. The first thread, which waits for the others in the end, does so by the real-time clock."""
    cell, contestant, missing = prepared(bench, bar, needs_strace)
    if missing:
        return {"why": missing}
    table = os.path.join(bench.work, "strace.txt")
    told = run(bench, contestant, cell, LONG_S,
               ["strace", "-f", "--seccomp-bpf", "-q", "-o", table, "-e", "trace=futex,clone,clone3"])
    with open(table) as f:
        calls = [line for line in between_the_ends(f.readlines()) if "futex" in line and "CLOCK_REALTIME" not in line]
    return {"values": [len(calls) / told["ios"] * 1e6]}


def allocated(bench, contestant, cell, seconds):
    report = os.path.join(bench.work, "heap.txt")
    told = run(bench, contestant, cell, seconds,
               ["env", f"LD_PRELOAD={bench.library('heap')}", f"BENCH_HEAP_REPORT={report}"])
    with open(report) as f:
        return int(f.read()), told["ios"]


def allocations(bench, bar):
    cell, contestant, missing = prepared(bench, bar, needs_heap)
    if missing:
        return {"why": missing}
    runs = [allocated(bench, contestant, cell, seconds) for seconds in (SHORT_S, LONG_S)]
    return {"values": [max(0, slope(*runs))]}


def session_kib(bench, bar):
    """Of an idle session: what the memory of a process grows by with each."""
    cell = bench.cell(bar.cell)
    target, kib = bench.ask(cell.target), []
    for sessions in (1, cell.sessions):
        command = bench.cores.pin(bench.cores.initiator, [bench.program("many"), target.url, "--idle", "--depth", str(cell.depth),
                                                          "--sessions", str(sessions)])
        kib.append(json.loads(processes.run(bench.link.initiator + command, 60).text)["rss_kib"])
    return {"values": [(kib[1] - kib[0]) / (cell.sessions - 1)]}
