# SPDX-License-Identifier: BSD-3-Clause
"""A port that is listened on is one of net_bind, whatever the socket says it is bound to."""
import socket

from listeners import full_queue
from session_test import SessionTest
from stage import STAGE

# A disconnected socket has no port, and getsockname(2) tells the one it had: listen(2) takes any.
PROBE = """
import struct, threading
def choose(s, low, high):
    s.setsockopt(socket.IPPROTO_IP, 51, struct.pack("I", high << 16 | low))  # IP_LOCAL_PORT_RANGE
def disconnect(s):
    import ctypes
    ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16)
def listening(s, port):
    # What the socket's listen(2) comes to, and whether the port can be reached.
    choose(s, port, port)
    said = attempt(s.listen, 5)
    with socket.socket(s.family) as client:
        client.settimeout(2)
        host = "::1" if s.family == socket.AF_INET6 else "127.0.0.1"
        return [said, s.getsockname()[1], attempt(client.connect, (host, port))]
def accepted(family, host, port, wanted, closes):
    server = socket.create_server((host, port), family=family)
    client = socket.create_connection((host, port))
    one, _ = server.accept()
    if closes:
        server.close()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    disconnect(one)
    client.close()
    return listening(one, wanted)
def connecting(full, low, wanted, shut):
    with socket.socket() as s:
        choose(s, low, low)
        s.setblocking(False)
        attempt(s.connect, ("127.0.0.1", full))
        s.shutdown(socket.SHUT_RDWR) if shut else disconnect(s)
        return listening(s, wanted)
def raced(full, low, wanted, seconds=3):
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        tried += 1
        with socket.socket() as s:
            choose(s, low, low)
            s.setblocking(False)
            attempt(s.connect, ("127.0.0.1", full))
            choose(s, wanted, wanted)
            def shut(turns=tried % 60):
                for _ in range(turns):
                    pass
                attempt(s.shutdown, socket.SHUT_RDWR)
            other = threading.Thread(target=shut)
            other.start()
            attempt(s.listen, 5)
            other.join()
            if s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                if s.getsockname()[1] == wanted:
                    return True
    return False
"""


class Listen(SessionTest):
    def test_accepted_socket_listens_at_no_other_port(self):
        self.policy(8080)
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            source = (f"answer([accepted(socket.{family.name}, {host!r}, 8080, 40123, closes) "
                      "for closes in (False, True)])")
            with self.subTest(host=host):
                self.assertEqual([["ok", 40123, "ok"]] * 2, self.bare.python(PROBE + source))
                said = self.confined.python(PROBE + source)
                self.assertEqual([["EADDRINUSE", 8080, "EACCES"], ["ok", 8080, "EACCES"]], said)

    def test_socket_that_was_connecting_listens_at_no_other_port(self):
        full = full_queue(self)
        self.policy(40001, full)
        source = f"answer([connecting({full}, 40001, 40123, shut) for shut in (False, True)])"
        self.assertEqual([["ok", 40123, "ok"]] * 2, self.bare.python(PROBE + source))
        self.assertEqual([["ok", 40001, "EACCES"]] * 2, self.confined.python(PROBE + source))

    def test_port_that_is_given_back_meanwhile(self):
        full = full_queue(self)
        self.policy(40001, full)
        source = f"answer(raced({full}, 40001, 40123))"
        self.assertTrue(self.bare.python(PROBE + source))
        self.assertFalse(self.confined.python(PROBE + source))

    @staticmethod
    def policy(port, full=8080):
        STAGE.policy(f"[network]\nnet_bind = {port}\nnet_allow = 127.0.0.1:{full} [::1]:{full}\n")
