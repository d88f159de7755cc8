# SPDX-License-Identifier: MIT
"""Links: what lies between initiator and target. The loopback interface, or two namespaces with a pair of interfaces between
them, where each side receives on its own core: there nobody's softirq is charged to the other."""
import os
import shutil
import subprocess

from .processes import Failure


class Loopback:
    name, address = "lo", "127.0.0.1"
    initiator, target = [], []  # what precedes a command there

    def close(self):
        pass


class Veth:
    made = 0

    def __init__(self, cores, mtu):
        why = self.missing()
        if why:
            raise Failure(why)
        Veth.made += 1
        stem = f"bench{os.getpid()}x{Veth.made}"
        self.name, self.spaces = f"veth-{mtu}", [stem + "i", stem + "t"]
        self.address = "10.217.0.2"
        self.initiator, self.target = [["ip", "netns", "exec", space] for space in self.spaces]
        try:
            self.make(mtu, (cores.initiator, cores.target))
        except BaseException:
            self.close()
            raise

    def make(self, mtu, cores):
        for space in self.spaces:
            ip("netns", "add", space)
        ip("-n", self.spaces[0], "link", "add", "bench0", "type", "veth", "peer", "name", "bench0", "netns",
           self.spaces[1])
        for i, space in enumerate(self.spaces):
            ip("-n", space, "addr", "add", f"10.217.0.{i + 1}/24", "dev", "bench0")
            ip("-n", space, "link", "set", "bench0", "mtu", str(mtu), "up")
            ip("-n", space, "link", "set", "lo", "up")
            self.steer(space, cores[i])

    @staticmethod
    def steer(space, core):
        """What comes in is received by this core, whoever sent it."""
        if core is not None:
            where = "/sys/class/net/bench0/queues/rx-0/rps_cpus"
            subprocess.run(["ip", "netns", "exec", space, "sh", "-c", f"echo {1 << core:x} >{where}"], check=True)

    def close(self):
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], stderr=subprocess.DEVNULL)

    @staticmethod
    def missing():
        if os.geteuid() != 0:
            return "namespaces can be made by root only: run it as root"
        return None if shutil.which("ip") else "ip is not installed (package iproute2)"


def ip(*words):
    made = subprocess.run(["ip", *words], capture_output=True, text=True)
    if made.returncode != 0:
        raise Failure(f"ip {' '.join(words)}: {made.stderr.strip()}")


def make(name, cores):
    if name == "lo":
        return Loopback()
    return Veth(cores, int(name.split("-")[1]))
