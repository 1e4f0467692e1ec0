# SPDX-License-Identifier: BSD-3-Clause
"""Live servers, so that a refusal can be told from a server that is not there."""
import os
import socket
import threading

from commands import eventually


class Listener:
    """A live server that remembers who came; greets and closes.

    `said` first comes itself and waits until it is seen, so that whoever was before is too.
    """

    def __init__(self, address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        self.socket = socket.socket(family, kind)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.address, self.family, self.kind = self.socket.getsockname(), family, kind
        self.came, self.lock = [], threading.Lock()
        if family == socket.AF_UNIX and not address.startswith("\0"):
            os.chmod(address, 0o777)
        if kind != socket.SOCK_DGRAM:
            self.socket.listen(64)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.address[1]

    def _serve(self):
        while True:
            try:
                if self.kind == socket.SOCK_DGRAM:
                    token = self.socket.recv(65536)
                else:
                    client, _ = self.socket.accept()
                    with client:
                        client.settimeout(5)
                        try:
                            client.sendall(b"hello\n")
                            client.shutdown(socket.SHUT_WR)
                        except OSError:
                            pass  # gone, but what it said is still there
                        token = client.recv(65536)
            except socket.timeout:
                token = b""
            except OSError:
                if self.socket.fileno() < 0:
                    return
                token = b""
            with self.lock:
                self.came.append(token)

    def arrivals(self):
        """How many came since the last call."""
        return len(self.said())

    def said(self):
        """What they said who came since the last call, without our own."""
        token = os.urandom(8)
        with socket.socket(self.family, self.kind) as client:
            client.connect(self.address)
            client.sendall(token)
            if self.kind != socket.SOCK_DGRAM:
                client.shutdown(socket.SHUT_WR)
            eventually(lambda: token in self.came, "the listener sees us")
        with self.lock:
            count = self.came.index(token)
            said = self.came[:count]
            del self.came[:count + 1]
        return said

    def close(self):
        if self.socket.fileno() < 0:
            return
        # Until the thread's call has returned, close alone would leave the name taken.
        wakes = self.kind != socket.SOCK_DGRAM or self.family == socket.AF_UNIX
        if wakes:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if wakes:
            self.thread.join(10)
        if self.family == socket.AF_UNIX and not self.address.startswith(("\0", b"\0")[
                isinstance(self.address, bytes)]):
            os.unlink(self.address)


def connect_ex(address):
    with socket.socket() as probe:
        return probe.connect_ex(address)


def listen(test, address="127.0.0.1", port=0, **options):
    """A live listener that goes with the test."""
    if ":" in address:
        options.setdefault("family", socket.AF_INET6)
    where = address if options.get("family") == socket.AF_UNIX else (address, port)
    listener = Listener(where, **options)
    test.addCleanup(listener.close)
    return listener


def full_queue(test):
    """The port of a listener on loopback whose queue is full: a connect to it waits."""
    full = socket.socket()
    test.addCleanup(full.close)
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    for _ in range(4):
        filler = socket.socket()
        test.addCleanup(filler.close)
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    return full.getsockname()[1]
