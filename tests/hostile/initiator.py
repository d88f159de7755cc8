# SPDX-License-Identifier: MIT
"""A small initiator for tests that have to do what no decent initiator does: it sends the PDUs it is told to."""
import os
import socket
import struct

BHS = 48
NOP_OUT, SCSI_COMMAND, TMF, LOGIN, TEXT, DATA_OUT, LOGOUT = range(7)
NOP_IN, SCSI_RESPONSE, TMF_RESPONSE, LOGIN_RESPONSE, TEXT_RESPONSE, DATA_IN, LOGOUT_RESPONSE = range(0x20, 0x27)
R2T, ASYNC, REJECT = 0x31, 0x32, 0x3F
NO_TAG = 0xFFFFFFFF
ISID = bytes.fromhex("80 00 00 00 00 01")


def address(portal):
    host, _, port = portal.rpartition(":")
    return host.strip("[]"), int(port)


def connect(portal, timeout=20, receive_buffer=None):
    host, port = address(portal)
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(timeout)
    s.connect((host, port))
    return s


def text(pairs):
    return b"".join(f"{key}={value}\0".encode() for key, value in pairs)


class Connection:
    """One connection of one session; counts what has to be counted."""

    def __init__(self, portal, name="iqn.2026-11.test:hostile", isid=ISID, **how):
        self.socket = connect(portal, **how)
        self.name, self.isid = name, isid
        self.cmd_sn = self.exp_stat_sn = 1
        self.itt = 0

    def close(self):
        self.socket.close()

    def send(self, opcode, flags=0x80, head=b"", data=b"", immediate=False):
        """`head` stands at byte 8 of the header, where the LUN or ISID is."""
        bhs = bytearray(BHS)
        bhs[0] = opcode | (0x40 if immediate else 0)
        bhs[1] = flags
        bhs[5:8] = len(data).to_bytes(3, "big")
        bhs[8 : 8 + len(head)] = head
        self.socket.sendall(bytes(bhs) + data + bytes(-len(data) % 4))

    def take(self, count):
        got = bytearray()
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            if not part:
                raise ConnectionError("the target closed the connection")
            got += part
        return bytes(got)

    def receive(self):
        """The next PDU: its header and data."""
        bhs = self.take(BHS)
        length = int.from_bytes(bhs[5:8], "big")
        data = self.take(bhs[4] * 4 + length + -length % 4)[bhs[4] * 4 :][:length]
        return bhs, data

    def expect(self, opcode):
        while True:
            bhs, data = self.receive()
            if bhs[0] & 0x3F == opcode:
                return bhs, data

    def login_request(self, flags, data, tsih=0, cid=0):
        head = self.isid + struct.pack(">HIHHII", tsih, 7, cid, 0, self.cmd_sn, self.exp_stat_sn)
        self.send(LOGIN, flags, head, data, immediate=True)

    def login(self, target, pairs=(), kind="Normal"):
        """Straight to full feature phase; returns the target's answers, or raises PermissionError with the status."""
        who = [("InitiatorName", self.name), ("SessionType", kind)]
        if kind == "Normal":
            who.append(("TargetName", target))
        self.login_request(0x87, text([*who, *pairs]))
        bhs, data = self.expect(LOGIN_RESPONSE)
        if bhs[36]:
            raise PermissionError(f"{bhs[36]:02x}{bhs[37]:02x}")
        self.exp_stat_sn = struct.unpack(">I", bhs[24:28])[0] + 1
        return dict(pair.split(b"=", 1) for pair in data.split(b"\0") if pair)

    def command(self, cdb, length, read=True, lun=0, data=b"", attribute=1):
        self.itt += 1
        flags = 0x80 | (0x40 if read else 0x20) | attribute
        head = bytes([0, lun]) + bytes(6) + struct.pack(">IIII", self.itt, length, self.cmd_sn, self.exp_stat_sn)
        self.send(SCSI_COMMAND, flags, head + cdb.ljust(16, b"\0"), data)
        self.cmd_sn += 1
        return self.itt

    def read10(self, lba, blocks, lun=0, block=512):
        return self.command(struct.pack(">BBIBHB", 0x28, 0, lba, 0, blocks, 0), blocks * block, True, lun)


def memory_kib(pid):
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
