# SPDX-License-Identifier: BSD-3-Clause
"""One call that keeps the supervisor busy takes turns with the others of the session."""
import socket

from session_test import SessionTest
from stage import STAGE, probe_program


class Turns(SessionTest):
    def test_connects_come_between_the_messages_of_others(self):
        server = self.listen()
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sink.close)
        sink.bind(("127.0.0.1", 0))
        ports = f"{sink.getsockname()[1]} {server.port}"
        STAGE.policy("[network]\nallow_udp = yes\n"
                     f"net_allow = 127.0.0.1:{ports.replace(' ', ',')}\n")
        for threads in (1, 8):
            bare = self.bare.su(f"{probe_program('message_flood')} {threads} {ports}")
            done = self.confined.su(f"{probe_program('message_flood')} {threads} {ports}", timeout=120)
            alone, beside = map(float, done.out.split())
            print(f"  {threads} flooding: a connect takes {1e3 * beside:.2f} ms, "
                  f"{1e3 * alone:.2f} alone; bare {bare.out.strip()}")
            self.assertLess(beside, 0.06, done)
