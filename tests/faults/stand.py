# SPDX-License-Identifier: MIT
"""What the rows of the fault matrix are made of: a target and what stands before it, the load and its ledger, marks of when
faults ended, and the figures that come of all this."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

IQN = "iqn.2026-11.io.berth:serve"
SPAN, SMALL_SPAN = 64 << 20, 16 << 20
LUN_BYTES = 96 << 20
JOBS = 4
VIOLATIONS = 9  # exit status of a target whose referee has seen some


class Failure(Exception):
    """A row cannot be judged: something that it needs did not work."""


class Skipped(Exception):
    """A row needs what this machine cannot do."""


def now_s():
    return time.monotonic_ns() / 1e9


def root():
    return os.geteuid() == 0


def run(*command, check=True, timeout=60):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def quantile(values, part):
    """The smallest value that at least this part of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(part * 1000 * len(ordered)) // 1000) - 1))] if ordered else None


class Program:
    """A child that does not outlive us."""

    def __init__(self, work, name, command):
        self.out, self.err = f"{work}/{name}.out", f"{work}/{name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL"] + command, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    def says(self):
        with open(self.out, encoding="utf-8", errors="replace") as out:
            return out.read()

    def complains(self):
        with open(self.err, encoding="utf-8", errors="replace") as err:
            return err.read()

    def await_line(self, beginning, limit_s=60):
        end = now_s() + limit_s
        while now_s() < end:
            for line in self.says().splitlines():
                if line.startswith(beginning):
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise Failure(f"'{beginning}' was never said: {self.complains()[-500:]}")

    def signal(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, limit_s):
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
            return None


class Stand:
    """One row at work."""

    def __init__(self, programs, seed, digest, seconds, timed):
        self.timed = timed  # times are asserted, and the load is as large as it gets
        self.berth, self.load_program, self.scarce = programs
        self.seed, self.digest, self.seconds = seed, digest, seconds
        self.random = random.Random(seed)
        self.work = tempfile.mkdtemp(prefix="berth-faults.")
        self.children, self.marks, self.notes = [], [], []
        self.target = self.proxy = self.load = None
        self.portal = self.far = ""
        self.targets = self.loads = 0
        self.violations, self.rules_fired = 0, {}
        self.wrong = []
        self.result, self.verified = {}, {}
        with open(f"{self.work}/lun", "wb") as lun:
            lun.truncate(LUN_BYTES)

    def close(self):
        for child in self.children:
            child.signal(signal.SIGCONT)
            child.signal(signal.SIGKILL)
            child.process.wait()
        shutil.rmtree(self.work, ignore_errors=True)

    def start(self, name, command):
        child = Program(self.work, name, command)
        self.children.append(child)
        return child

    # --- target and proxy ---

    def serve(self, *options, port=0, lun=None, listen=1):
        self.targets += 1
        where = sum((["--listen", f"127.0.0.1:{port}"] for _ in range(listen)), [])
        command = [self.berth, "serve", *where, "--referee", "--control", f"{self.work}/ctl"]
        self.target = self.start(f"target{self.targets}", command + ["--lun", lun or f"file:{self.work}/lun", *options])
        self.far = self.target.await_line("berth: serving ").rsplit(" ", 1)[1]
        self.portal = self.portal or self.far

    def serve_with(self, *rules, **how):
        self.serve("--fault", f"seed {self.seed}", *sum((["--fault", r] for r in rules), []), **how)

    def stand_before(self, *rules):
        command = [self.berth, "proxy", "--listen", "127.0.0.1:0", "--to", self.far, "--seed", str(self.seed)]
        self.proxy = self.start("proxy", command + sum((["--fault", r] for r in rules), []))
        self.portal = self.proxy.await_line("berth: standing before ").rsplit(" ", 1)[1]

    def hold_port(self):
        """A port that nobody else is given while no target listens there, to be bound with SO_REUSEADDR."""
        self.held = socket.socket()
        self.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.held.bind(("0.0.0.0", 0))
        return self.held.getsockname()[1]

    def port(self):
        return int(self.far.rsplit(":", 1)[1])

    def kill_target(self):
        self.target.signal(signal.SIGKILL)
        self.target.wait(10)

    def stop_target(self):
        """Rules that came true, and what the referee says of the initiator."""
        stopping, self.proxy, self.target = (self.proxy, self.target), None, None
        for child in [c for c in stopping if c]:
            child.signal(signal.SIGTERM)
            status = child.wait(20)
            if status not in (0, VIOLATIONS):
                self.wrong.append(f"the target or proxy ended with {status}: {child.complains()[-200:]}")
            self.read_words(child.complains())

    def read_words(self, words):
        for line in words.splitlines():
            if " came true " in line and " never " not in line:
                text = line.split(": ", 2)[2]
                self.rules_fired[text] = self.rules_fired.get(text, 0) + int(line.split(" came true ")[1].split()[0])
            if line.startswith("berth: referee: ") and " (RFC " in line:
                self.violations += 1
                self.wrong.append("O6: " + line[len("berth: referee: ") :][:160])

    def fired(self):
        return sum(count for text, count in self.rules_fired.items() if not text.startswith("seed") and " note" not in text)

    def sessions(self):
        answer = run(self.berth, "serve-ctl", "--control", f"{self.work}/ctl", "--json", "sessions")
        return len(json.loads(answer.stdout)["sessions"])

    # --- the load ---

    def url(self, portal=None):
        return f"iscsi://{portal or self.portal}/{IQN}/0"

    def load_command(self, *options):
        return [self.load_program, "--ledger", f"{self.work}/ledger", "--span", str(SPAN if self.timed else SMALL_SPAN), *options]

    def begin_load(self, *options, seconds=None, portals=None):
        ms = int(1000 * (seconds or self.seconds))
        urls = [self.url(p) for p in portals or [self.portal]]
        self.loads += 1
        self.load = self.start(
            "load",
            self.load_command("--time", str(ms), "--digest", self.digest, "--seed", str(self.seed))
            + ([] if self.timed else ["--depth", "8", "--longest", "64"])
            + ["--events", f"{self.work}/events{self.loads}", *options, *urls],
        )
        self.await_open()
        self.load_ends = now_s() + ms / 1000

    def await_open(self, limit_s=90):
        """All jobs have their LUN."""
        end = now_s() + limit_s
        while now_s() < end and self.running():
            opened = self.read_events({}, self.loads)
            if sum(what == "o" for of_job in opened.values() for _, what in of_job) >= JOBS:
                return
            time.sleep(0.02)
        raise Failure(f"the load does not begin: {self.load.says()[-300:]}{self.load.complains()[-300:]}")

    def left_s(self):
        return self.load_ends - now_s()

    def running(self):
        return self.load.process.poll() is None

    def pause(self, first_s, last_s=None):
        """As long as the load still runs."""
        time.sleep(max(0, min(self.random.uniform(first_s, last_s or first_s), self.left_s())))

    def mark(self):
        """A fault has ended."""
        self.marks.append(now_s())

    def end_load(self, limit_s=240):
        status = self.load.wait(max(1, self.left_s()) + limit_s)
        if status is None:
            self.wrong.append("O4: the load did not come to its end")
            return
        try:
            self.result = json.loads(self.load.says())
        except ValueError:
            self.wrong.append(f"the load ended with {status}: {self.load.complains()[-200:]}")
            return
        self.wrong += self.result["wrong"]

    def verify(self):
        done = run(*self.load_command("--verify", self.url(self.far)), check=False, timeout=120)
        self.verified = json.loads(done.stdout) if done.stdout else {"wrong": [done.stderr[-200:]]}
        self.wrong += self.verified["wrong"]

    # --- figures ---

    def read_events(self, events, load):
        """The last line may be half there: that load was killed, or still writes."""
        try:
            with open(f"{self.work}/events{load}", encoding="ascii") as lines:
                for line in lines:
                    words = line.split()
                    if len(words) == 3 and line.endswith("\n"):
                        events.setdefault(int(words[1]), []).append((int(words[2]) / 1e9, words[0]))
        except FileNotFoundError:
            pass
        return events

    def events(self):
        events = {}
        for load in range(1, self.loads + 1):
            self.read_events(events, load)
        return {job: sorted(of_job) for job, of_job in events.items()}

    def losses(self):
        return sum(what == "l" for of_job in self.events().values() for _, what in of_job)

    def recoveries(self):
        """Seconds from the end of each fault to the first I/O that completes, job by job: the fault's end is a mark, or,
        where there are none, the moment at which the loss was noticed."""
        samples = []
        for of_job in self.events().values():
            begins = self.marks or [t for t, what in of_job if what == "l"]
            for i, begin in enumerate(begins):
                end = begins[i + 1] if i + 1 < len(begins) else float("inf")
                first = next((t for t, what in of_job if what == "d" and begin <= t < end), None)
                if first is not None:
                    samples.append(first - begin)
        return samples

    def await_error_after(self, when, limit_s):
        while self.first_error_after(when) is None and self.running() and now_s() < when + limit_s:
            time.sleep(0.05)

    def first_error_after(self, when):
        errors = [t for of_job in self.events().values() for t, what in of_job if what == "e" and t >= when]
        return min(errors) - when if errors else None


class Net:
    """Filters on the loopback of a network namespace that is ours alone."""

    TABLE = "inet berth_faults"

    def __init__(self):
        if not root() or os.environ.get("BERTH_FAULTS_NO_NET"):
            raise Skipped("needs root, for nftables and a network namespace of its own")

    def rule(self, *words):
        run("nft", "add", "table", *self.TABLE.split())
        run("nft", "add", "chain", *self.TABLE.split(), "in", "{ type filter hook input priority 0; }")
        run("nft", "add", "rule", *self.TABLE.split(), "in", *words)

    def clear(self):
        run("nft", "delete", "table", *self.TABLE.split(), check=False)
