# SPDX-License-Identifier: MIT
"""The rows of the fault matrix: what is done to the target or to the way there while the load runs, and what has to hold.
Every row begins its target and its load, makes its faults until the load ends, and returns. doc/faults.md tells of them."""
import os
import re
import resource
import signal

from stand import JOBS, Net, Skipped, now_s, root, run

QUICK_PING = ("--ping", "1000", "--ping-timeout", "1000", "--connect", "2000")


class Row:
    def __init__(self, name, fault, work, **judged):
        self.name, self.fault, self.work = name, fault, work
        self.digests = judged.pop("digests", ("none", "both"))
        self.errors = judged.pop("errors", ())  # that the load may have
        self.bound_s = judged.pop("bound_s", None)  # of the first I/O after a fault: its maximum
        self.median_s = judged.pop("median_s", None)
        self.longest_s = judged.pop("longest_s", 60)  # of any I/O
        self.faulty = judged.pop("faulty", True)  # it must have come to faults
        self.blind = judged.pop("blind", False)  # what is read cannot be judged
        self.seconds = judged.pop("seconds", 20)
        self.cut_seconds = judged.pop("cut_seconds", 6)
        assert not judged


ROWS = []


def row(name, fault, **judged):
    def add(work):
        ROWS.append(Row(name, fault, work, **judged))
        return work

    return add


def until_end(s, *pause):
    """Until the load has no more than a second left."""
    s.pause(*pause)
    return s.left_s() > 1


# --- connections that end ---


@row("F1", "RST from the target, every 0.2-2 s", bound_s=0.5, median_s=0.1)
def resets(s):
    s.serve_with("every 200ms..2s disconnect rst")
    s.begin_load()


@row("F1k", "RST: the kernel kills the sockets (ss -K)", bound_s=0.5, median_s=0.1)
def killed_sockets(s):
    if not root():
        raise Skipped("needs root, for ss -K")
    s.serve()
    s.begin_load()
    while until_end(s, 0.2, 2):
        killed = run("ss", "-K", "-t", "state", "established", f"sport = :{s.port()}", check=False)
        if killed.returncode != 0 or "Operation not supported" in killed.stderr:
            raise Skipped("this kernel does not let ss -K end sockets")


@row("F1r", "RST: a filter answers with resets (nft reject)", bound_s=0.5, median_s=0.1)
def rejected(s):
    net = Net()
    s.serve()
    s.begin_load()
    while until_end(s, 0.5, 2):
        net.rule("tcp", "dport", str(s.port()), "reject", "with", "tcp", "reset")
        s.pause(0.2)
        net.clear()
        s.mark()


@row("F2", "FIN and RST in mid-PDU, anywhere in header, data, digest", bound_s=0.5)
def cuts(s):
    s.serve_with(
        "on reply chance 1/4000 cut anywhere fin",
        "on reply chance 1/4000 cut anywhere rst",
        "on data-in chance 1/4000 cut 1..52 fin",
        "on request chance 1/4000 cut anywhere fin",
        "on data-out chance 1/4000 cut anywhere rst",
    )
    s.begin_load()


# --- silence ---


def holes(s, pick):
    net = Net()
    s.serve()
    s.begin_load(*QUICK_PING)
    while until_end(s, 2, 3):
        for port in pick(s.random):
            net.rule("tcp", port, str(s.port()), "drop")
        s.pause(3, 5)
        net.clear()
        s.mark()
    if s.sessions() > JOBS:
        s.wrong.append(f"{s.sessions()} sessions are at the target, where {JOBS} should be")


@row("F3i", "blackhole towards the initiator, 3-5 s", bound_s=2, seconds=30, cut_seconds=8)
def hole_in(s):
    holes(s, lambda _: ["sport"])


@row("F3t", "blackhole towards the target, 3-5 s", bound_s=2, seconds=30, cut_seconds=8)
def hole_out(s):
    holes(s, lambda _: ["dport"])


@row("F3b", "blackhole both ways, 3-5 s", bound_s=2, seconds=30, cut_seconds=8)
def hole_both(s):
    holes(s, lambda _: ["sport", "dport"])


@row("F3p", "silence of all connections for 3-5 s (script)", bound_s=6, seconds=30)
def script_holes(s):
    s.serve_with("every 8s mute for 3s..5s all and deaf for 4s all")
    s.begin_load(*QUICK_PING)


@row("F4", "blackhole longer than the recovery timeout (3 s)", errors=("lost", "timeout"), bound_s=5, seconds=40, cut_seconds=15)
def long_hole(s):
    net = Net()
    s.serve()
    s.begin_load(*QUICK_PING, "--recovery", "3000", "--reopen", "--isid")
    while until_end(s, 3):
        begin = now_s()
        net.rule("tcp", "sport", str(s.port()), "drop")
        s.pause(10)
        if not s.timed:
            s.await_error_after(begin, 60)
        net.clear()
        s.mark()
        first = s.first_error_after(begin)
        s.notes.append(f"I/Os failed after {first:.1f} s" if first else "no I/O failed")
        if not first or first < 0.9 * 3 or (s.timed and first > 1.1 * 5):  # silence for 0-1 s, a ping for 1 s, then 3 s
            s.wrong.append(f"O4: the first I/O failed after {first} s, not after 3 to 5")


@row("F5", "loss of 0.1, 1 and 5 percent of the packets", faulty=False, seconds=30)
def loss(s):
    net = Net()
    s.serve()
    s.begin_load()
    for per_mille in (1, 10, 50):
        net.rule("tcp", "sport", str(s.port()), "numgen", "random", "mod", "1000", "<", str(per_mille), "drop")
        net.rule("tcp", "dport", str(s.port()), "numgen", "random", "mod", "1000", "<", str(per_mille), "drop")
        s.pause(s.seconds / 3)
        net.clear()


@row("F5d", "delay of 1-20 ms with jitter, both ways", faulty=False)
def delays(s):
    s.serve_with("on request chance 1/3 delay 1ms..20ms", "on reply chance 1/3 delay 1ms..20ms")
    s.begin_load("--depth", "8")


@row("F6", "one byte a segment, both ways", faulty=False)
def single_bytes(s):
    s.serve_with("on connect slice 1 both")
    s.begin_load("--depth", "4", "--longest", "2")


@row("F6z", "a target that does not read: zero windows", faulty=False)
def zero_windows(s):
    s.serve_with("every 300ms..600ms deaf for 200ms..400ms")
    s.begin_load()


@row("F7", "SIGSTOP of the target for 1, 5 and 30 s", bound_s=2, seconds=60, cut_seconds=12)
def stopped(s):
    s.serve()
    s.begin_load("--ping", "1000", "--ping-timeout", "1000")
    for length in (1, 5, 30):
        before = s.losses()
        s.pause(2)
        if s.left_s() < length + 2:
            break
        s.target.signal(signal.SIGSTOP)
        s.pause(length)
        s.target.signal(signal.SIGCONT)
        s.mark()
        s.pause(3)
        lost = s.losses() - before
        s.notes.append(f"{length} s: {lost} losses of {JOBS} sessions")
        if length > 2 and (lost < JOBS or (s.timed and lost > JOBS)):
            s.wrong.append(f"{lost} losses of {JOBS} sessions in {length} s")


# --- targets that go and come ---


@row("F8", "SIGKILL of the target, restart with its data", bound_s=2, seconds=30, cut_seconds=8)
def killed_target(s):
    s.serve(port=s.hold_port())
    s.begin_load()
    while until_end(s, 2, 4):
        s.kill_target()
        s.pause(0.1, 1.5)
        s.serve(port=s.port())
        s.mark()


@row("F9", "restarts with other limits: bursts, segments, R2T, immediate data")
def changed_keys(s):
    changes = (
        "key MaxBurstLength=512 key FirstBurstLength=512",
        "key MaxRecvDataSegmentLength=512",
        "key InitialR2T=Yes key ImmediateData=No",
        "key MaxOutstandingR2T=1 key MaxBurstLength=1024 key FirstBurstLength=512",
        "key ImmediateData=Yes key MaxBurstLength=16776192 key FirstBurstLength=16776192",
    )
    turns = (150, 400, 900, 1600, 2500)
    s.serve_with(*(f"on command {n} restart for 300ms {keys}" for n, keys in zip(turns, changes)))
    s.begin_load()


@row(
    "F9l",
    "restarts with a smaller LUN, without it, and as before",
    errors=("range", "scsi", "no_lun", "lost", "changed", "fenced", "identity"),
    blind=True,
)
def changed_lun(s):
    s.serve_with("at 3s restart for 300ms lun 0 size 4M", "at 7s restart for 300ms lun 0 absent", "at 11s restart for 300ms")
    s.begin_load("--recovery", "8000")


@row("F10", "a second fault in each step of the way back", longest_s=120, seconds=30)
def second_faults(s):
    s.serve_with(
        "every 2s..4s disconnect rst",
        "on connect chance 1/8 disconnect rst",
        "on login-request chance 1/8 disconnect",
        "on login-response chance 1/8 cut anywhere",
        "on login chance 1/8 disconnect rst",
        "on command 1..3 per connection chance 1/12 cut anywhere rst",
        "on login-request chance 1/20 drop and send login-response status-class 3 status-detail 1",
    )
    s.begin_load()


@row("F11", "old writes executed late, just before the session is reinstated")
def stale_writes(s):
    s.serve_with("on last-data chance 1/300 strand until login", "on last-data chance 1/300 strand for 1s..3s")
    s.begin_load()


@row("F12", "the response of a write is lost, with its connection", bound_s=0.5)
def lost_responses(s):
    s.serve_with("on status of write chance 1/150 drop and disconnect rst")
    s.begin_load()


# --- damage ---


@row("F13", "bits flipped in headers and data, digests on", digests=("both",), bound_s=0.5)
def flips(s):
    # Not in the login, which has no digests: a flipped bit may make a refusal of an answer, and that is final.
    s.serve_with("on reply 10.. per connection chance 1/500 corrupt anywhere", "on request 200.. chance 1/500 corrupt data random")
    s.begin_load()


@row("F13n", "bits flipped in data that is read, digests off: what a checksum of TCP lets through", digests=("none",), blind=True)
def flips_unseen(s):
    s.serve_with("on data-in 200.. chance 1/500 corrupt data random")
    s.begin_load()


# --- what commands end with ---


def counts_once(s, word, rule):
    """Every such answer was mapped once: no I/O fails twice for it, and none that was not answered so."""
    fired = sum(count for text, count in s.rules_fired.items() if rule in text)
    seen = s.result.get("by_error", {}).get(word, 0)
    s.notes.append(f"{word}: {seen} errors of {fired} answers")
    if seen != fired:
        s.wrong.append(f"{seen} errors '{word}' of {fired} answers")


@row("F17", "BUSY, TASK SET FULL, unit attentions, aborted commands; sometimes an error", errors=("medium", "reserved", "no_space"))
def statuses(s):
    s.serve_with(
        "on command lba 8192.. chance 1/60 answer busy",
        "on command lba 8192.. chance 1/60 answer task-set-full",
        "on command lba 8192.. chance 1/60 answer check-condition sense 6/29/03",
        "on command lba 8192.. chance 1/60 answer check-condition sense b/00/00",
        "on command lba 8192.. chance 1/100 answer task-aborted",
        "on read lba 1024..1535 every 3 answer check-condition sense 3/11/00",
        "on write lba 3072..3583 every 3 answer check-condition sense 7/27/07",
        "on write lba 6144..6655 every 3 answer reservation-conflict",
    )
    s.begin_load("--longest", "16")
    s.judge_after = lambda: [
        counts_once(s, "medium", "3/11/00"),
        counts_once(s, "no_space", "7/27/07"),
        counts_once(s, "reserved", "reservation-conflict"),
    ]


@row("F18", "windows: of one command, closed for 2 s, StatSN that wraps", longest_s=30)
def windows(s):
    s.serve_with(
        "on login-response 1 per connection set stat-sn 0xfffffe00",
        "on connect connection 1..2 window 1",
        "every 4s..6s window 0 for 2s",
        "every 3s window 2 for 500ms raw",
    )
    s.begin_load()


@row("F19", "asked to log out, dropped, told to renegotiate", bound_s=1)
def news(s):
    s.serve_with(
        "every 1s..3s send async event 1 parameter3 3",
        "every 5s send async event 2 parameter1 1 and disconnect",
        "every 7s send async event 3 and disconnect all",
        "every 2s send async event 255",
    )
    s.begin_load()


@row("F19r", "redirected to a second portal, and from there back", bound_s=1)
def redirected(s):
    s.serve_with(
        "on login-request 1 per connection portal 1 chance 1/2 drop and send login-response status-class 1 status-detail 1"
        " text TargetAddress={portal2}",
        "every 1s..3s disconnect rst",
        listen=2,
    )
    s.begin_load()


# --- those who are not let in, and targets that are none ---


def chap_trials():
    """Scripts of CHAP that must be refused at once, with the status that is expected."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(f"{here}/../scripts/trials", encoding="ascii") as trials:
        rows = [line.split() for line in trials if line.startswith("chap-") or line.startswith("login-")]
    return [
        (name, int(status), who)
        for name, way, status, _, who, *_ in rows
        if way == "info" and status.isdigit() and status != "0" and who in ("user", "mutual", "stranger")
    ]


def secret(s, name, words):
    with open(os.open(f"{s.work}/{name}", os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as out:
        out.write(words + "\n")
    return f"{s.work}/{name}"


def credentials(s, who):
    user = ["--user", "scripted", "--secret-file", secret(s, "secret", "scripted-secret")]
    mutual = user + ["--mutual-user", "target", "--mutual-secret-file", secret(s, "mutual", "another-secret")]
    return {"user": (user, user), "mutual": (mutual, mutual), "stranger": ([], user)}[who]


def one_refusal(s, name, status, who):
    here = os.path.dirname(os.path.abspath(__file__))
    theirs, ours = credentials(s, who)
    s.portal = ""
    s.serve("--script", f"{here}/../../target/scripts/{name}", "--fault", "on command note", *theirs)
    done = run(s.berth, "info", "--timeout", "5", *ours, s.url(), check=False)
    s.target.signal(signal.SIGTERM)
    s.target.wait(20)
    if done.returncode != status:
        s.wrong.append(f"{name}: ended with {done.returncode}, not {status}")
    if "never came true: on command note" not in s.target.complains():
        s.wrong.append(f"{name}: a command was sent")


@row("F20", "authentication: downgraded, skipped, reflected, half done, wrong", digests=("none",), faulty=False)
def strangers(s):
    trials = chap_trials()
    for name, status, who in trials:
        one_refusal(s, name, status, who)
    s.target = None
    s.notes.append(f"{len(trials)} logins refused, no command sent")


@row("F22", "no memory, no descriptors, 1000 sessions", digests=("none",), faulty=False)
def scarce(s):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    except ValueError as why:
        raise Skipped("this machine does not let us have 8192 descriptors") from why
    s.serve()
    done = run(s.scarce, s.url(), check=False, timeout=600)
    s.notes += done.stdout.strip().splitlines()
    if done.returncode != 0:
        s.wrong += (done.stderr.strip() or f"ended with {done.returncode}").splitlines()


def cut_off(s):
    """The target does not learn that its initiators die, where a filter can see to that."""
    try:
        net = Net()
        net.rule("tcp", "dport", str(s.port()), "drop")
        return net
    except Skipped:
        return None


@row("F23", "SIGKILL of the initiator; it comes back with its ISID", seconds=30)
def killed_initiator(s):
    s.serve()
    end = now_s() + s.seconds
    while end - now_s() > 4 or not s.marks:
        s.begin_load("--isid", seconds=60)
        s.pause(1.5, 3)
        net = cut_off(s)
        s.pause(0.2)
        s.load.signal(signal.SIGKILL)
        s.load.wait(10)
        if net:
            net.clear()
        s.mark()
    s.begin_load("--isid", seconds=3)
    s.judge_after = lambda: reinstated(s)


def reinstated(s):
    """How often the old session still stood when the new login came; its FIN may be faster. e2e.isid makes sure of one."""
    count = len(re.findall("logged in again: the old session ends", s.children[0].complains()))
    s.notes.append(f"{count} sessions reinstated")


@row(
    "F25",
    "a hostile target: wild lengths, tags and offsets, replies wrong in any bit",
    errors=None,
    blind=True,
    longest_s=180,
)
def hostile(s):
    s.serve_with(
        "on data-in 500.. chance 1/100 set buffer-offset random",
        "on r2t 50.. chance 1/40 set desired-length random",
        "on scsi-response 100.. chance 1/100 set residual random underflow 1",
        "on status 100.. chance 1/150 set itt random",
        "on reply 1000.. chance 1/200 alter header random",
        "on reply 1000.. chance 1/2000 set data-length random",
        "on login-response 9.. chance 1/10 text fill 300",
    )
    s.begin_load("--reopen", "--isid", "--command", "2000", "--recovery", "5000", *QUICK_PING)
