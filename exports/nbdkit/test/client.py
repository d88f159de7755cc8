# SPDX-License-Identifier: MIT
# A client of NBD that checks nothing: so that requests reach the export that others would not send.
import socket
import struct

READ, WRITE, DISC, FLUSH, TRIM, ZEROES = 0, 1, 2, 3, 4, 6
FUA, NO_HOLE, FAST = 1, 2, 16
OPTION_EXPORT_NAME = 1


class Client:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        self.s.connect(path)
        self.handle = 0
        magic, ihaveopt, flags = struct.unpack(">8sQH", self.get(18))
        assert magic == b"NBDMAGIC"
        self.s.sendall(struct.pack(">I", 3))  # fixed newstyle, no zeroes
        self.s.sendall(struct.pack(">QII", 0x49484156454F5054, OPTION_EXPORT_NAME, 0))
        self.size, self.flags = struct.unpack(">QH", self.get(10))

    def get(self, n):
        got = b""
        while len(got) < n:
            piece = self.s.recv(n - len(got))
            if not piece:
                raise EOFError
            got += piece
        return got

    def send(self, command, offset=0, length=0, data=b"", flags=0):
        self.handle += 1
        self.s.sendall(struct.pack(">IHHQQI", 0x25609513, flags, command, self.handle, offset, length) + data)
        return self.handle

    def answer(self):
        magic, error, handle = struct.unpack(">IIQ", self.get(16))
        assert magic == 0x67446698
        return error, handle

    def ask(self, command, offset=0, length=0, data=b"", flags=0):
        self.send(command, offset, length, data, flags)
        error, _ = self.answer()
        return error

    def read(self, offset, length):
        error = self.ask(READ, offset, length)
        if error:
            raise OSError(error, "read")
        return self.get(length)

    def write(self, offset, data, flags=0):
        error = self.ask(WRITE, offset, len(data), data, flags)
        if error:
            raise OSError(error, "write")

    def close(self):
        self.send(DISC)
        self.s.close()
