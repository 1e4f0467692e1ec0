# SPDX-License-Identifier: BSD-3-Clause
"""@own: TCP on loopback where a session of the user listens; net_bind at an address; udp_answer."""
import os
import socket
import subprocess
import threading

from accounts import PROBE
from commands import PYTHON, call
from listeners import listen
from machine import PUBLIC
from session_test import SessionTest
from stage import STAGE
from terminals import Terminal
from test_deputy import Talk, script

SERVE = """
import threading
def ends():
    sys.stdin.read()
    os._exit(0)
def serve(host, port, family=socket.AF_INET, **options):
    server = socket.create_server((host, port), family=family, **options)
    threading.Thread(target=ends, daemon=True).start()
    print("in", flush=True)
    while True:
        server.accept()[0].close()
"""


class OwnTcp(SessionTest):
    POLICY = "[network]\nnet_bind = 8000-8999\nnet_allow = @own:8000-8999\n"

    def server(self, source, who="alice"):
        talk = Talk(self, ["su", "-", who, "-c", script(f"own_tcp_{who}", SERVE + source)])
        self.assertEqual("in", talk.said)
        return talk

    def outside(self, who, port, host="127.0.0.1"):
        """A server of a user's that no session confines; it says who came."""
        # pylint: disable-next=consider-using-with
        server = subprocess.Popen(
            [PYTHON, "-c", PROBE + f"""
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(({host!r}, {port}))
server.listen()
print("in", flush=True)
while True:
    server.accept()
    print("came", flush=True)
"""], user=who.uid, group=who.gid, extra_groups=[], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual("in\n", server.stdout.readline())
        return server

    def came(self, server):
        server.kill()
        server.wait()
        return server.stdout.read()

    def test_servers_of_this_and_of_another_session_are_reached(self):
        self.server("serve('127.0.0.1', 8001)")
        self.server("serve('::1', 8002, socket.AF_INET6)")
        self.server("if os.fork():\n    os._exit(0)\nserve('', 8003)")
        said = self.confined.python("""
server = socket.create_server(("127.0.0.1", 8004))
mapped = attempt(socket.socket(socket.AF_INET6).connect, ("::ffff:127.0.0.1", 8001))
quick = socket.socket()
quick.setblocking(False)
answer([tcp("127.0.0.1", port) for port in (8001, 8003, 8004)] +
       [tcp("::1", 8002), tcp("0.0.0.0", 8001), mapped,
        attempt(quick.connect, ("127.0.0.1", 8001))])""")
        self.assertEqual(["ok"] * 6 + ["EINPROGRESS"], said)

    def test_servers_of_the_machine_and_of_others_see_nothing(self):
        machine = listen(self, "127.0.0.1", 8010)
        wildcard = listen(self, "0.0.0.0", 8011)
        other = self.outside(self.bare, 8012)
        own = self.outside(self.confined, 8013)
        source = """
answer([tcp("127.0.0.1", port) for port in (8010, 8011, 8012, 8013)] + [tcp("0.0.0.0", 8010)])"""
        self.assertEqual(["ok"] * 5, self.bare.python(source))
        machine.arrivals()
        wildcard.arrivals()
        for server in (other, own):
            self.assertEqual("came\n", server.stdout.readline())
        self.assertEqual(["EACCES"] * 5, self.confined.python(source))
        self.assertEqual((0, 0), (machine.arrivals(), wildcard.arrivals()))
        self.assertEqual(("", ""), (self.came(other), self.came(own)))

    def test_server_in_a_session_of_another_user_is_refused(self):
        STAGE.policy(self.POLICY, "bare")
        self.addCleanup(STAGE.policy, None, "bare")
        self.server("serve('127.0.0.1', 8020)", who="bare")
        self.assertEqual("EACCES", self.confined.python("answer(tcp('127.0.0.1', 8020))"))

    def test_port_that_an_outsider_shares_is_refused(self):
        """The kernel would choose one of the two."""
        self.server("serve('127.0.0.1', 8030, reuse_port=True)")
        self.assertEqual("ok", self.confined.python("answer(tcp('127.0.0.1', 8030))"))
        outside = self.outside(self.confined, 8030)
        said = self.confined.python("answer([tcp('127.0.0.1', 8030) for _ in range(20)])")
        self.assertEqual(["EACCES"] * 20, said)
        self.assertEqual("", self.came(outside))

    def test_port_that_is_not_in_the_rule_is_refused(self):
        STAGE.policy("[network]\nnet_bind = 8000-8999\nnet_allow = @own:8040\n")
        self.server("serve('127.0.0.1', 8041)")
        self.assertEqual("EACCES", self.confined.python("answer(tcp('127.0.0.1', 8041))"))

    def test_denial_wins(self):
        STAGE.policy(self.POLICY + "net_deny = @loopback:8050\n")
        self.server("serve('127.0.0.1', 8050)")
        self.assertEqual("EACCES", self.confined.python("answer(tcp('127.0.0.1', 8050))"))

    def test_full_queue_is_waited_for(self):
        self.server("""
server = socket.socket()
server.bind(("127.0.0.1", 8060))
server.listen(0)
threading.Thread(target=ends, daemon=True).start()
print("in", flush=True)
time.sleep(1.5)
while True:
    server.accept()[0].close()
""")
        said = self.confined.python("""
clients = [socket.socket() for _ in range(4)]
answer([attempt(client.connect, ("127.0.0.1", 8060)) for client in clients])""")
        self.assertEqual(["ok"] * 4, said)

    def test_port_that_changes_hands_never_gets_a_byte_outside(self):
        end, got = threading.Event(), []

        def outside():
            while not end.is_set():
                with socket.socket() as server:
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        server.bind(("127.0.0.1", 8070))
                        server.listen()
                        server.settimeout(0.001)
                        client = server.accept()[0]
                        client.settimeout(0.2)
                        got.append(client.recv(8))
                    except OSError:
                        pass
        thread = threading.Thread(target=outside)
        thread.start()
        source = """
import threading
end, sent = time.monotonic() + 4, 0
def inside():
    while time.monotonic() < end:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if attempt(server.bind, ("127.0.0.1", 8070)) == "ok":
                attempt(server.listen)
                time.sleep(0.002)
threading.Thread(target=inside).start()
while time.monotonic() < end:
    with socket.socket() as client:
        client.settimeout(1)
        if attempt(client.connect, ("127.0.0.1", 8070)) == "ok":
            sent += attempt(client.send, b"secret") == "ok"
answer(sent)"""
        try:
            self.assertGreater(self.confined.python(source), 0)
            self.assertEqual([], [data for data in got if data])
        finally:
            end.set()
            thread.join()


class LocalBind(SessionTest):
    SOURCE = """
def listens(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        said = attempt(s.bind, (host, port))
        return said if said != "ok" else attempt(s.listen)
"""

    def listens(self, bind, *where):
        STAGE.policy(f"[network]\nnet_bind = {bind}\n")
        return self.confined.python(self.SOURCE + f"answer([listens(*at) for at in {where!r}])")

    def test_class_limits_the_address(self):
        said = self.listens("@loopback:8000-9000", ("127.0.0.1", 8000), ("127.0.0.9", 8001),
                            ("::1", 9000), ("::ffff:127.0.0.1", 8002), ("0.0.0.0", 8003),
                            ("::", 8004), (PUBLIC, 8005), ("127.0.0.1", 9001), ("127.0.0.1", 0))
        self.assertEqual(["ok"] * 4 + ["EACCES"] * 5, said)

    def test_address_limits_the_address(self):
        said = self.listens("127.0.0.1:8080 [::1]:8081 8082", ("127.0.0.1", 8080),
                            ("127.0.0.2", 8080), ("0.0.0.0", 8080), ("::1", 8081), ("::", 8081),
                            ("127.0.0.1", 8081), ("0.0.0.0", 8082))
        self.assertEqual(["ok", "EACCES", "EACCES", "ok", "EACCES", "EACCES", "ok"], said)

    def test_ephemeral_ports_of_loopback(self):
        self.assertEqual(["ok", "EACCES", "EACCES"],
                         self.listens("@loopback:0", ("127.0.0.1", 0), ("0.0.0.0", 0), (PUBLIC, 0)))

    def test_ephemeral_ports_of_loopback_are_no_others(self):
        said = self.listens("@loopback:0 203.0.113.0/24:1024-29999", ("127.0.0.1", 0), ("127.0.0.1", 31000),
                            ("127.0.0.1", 8000), (PUBLIC, 0))
        self.assertEqual(["ok", "EACCES", "EACCES", "EACCES"], said)
        STAGE.policy("[network]\nnet_bind = @loopback:0\nnet_allow = udp://127.0.0.1:9\n")
        said = self.confined.python("""
def bind(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return attempt(s.bind, ("127.0.0.1", port))
answer([bind(0), bind(8000)])""")
        self.assertEqual(["ok", "EACCES"], said)

    def test_ephemeral_ports_do_not_open_those_of_one_address(self):
        said = self.listens("0 @loopback:8000", ("0.0.0.0", 0), ("127.0.0.1", 8000), ("0.0.0.0", 8000),
                            (PUBLIC, 8000))
        self.assertEqual(["ok", "ok", "EACCES", "EACCES"], said)

    def test_supervisor_decides_where_landlock_does_not(self):
        said = self.listens("@loopback:*", ("127.0.0.1", 8000), ("0.0.0.0", 8000), (PUBLIC, 8000))
        self.assertEqual(["ok", "EACCES", "EACCES"], said)

    def test_server_is_reached_on_loopback_alone(self):
        STAGE.policy("[network]\nnet_bind = @loopback:8080\n")
        talk = Talk(self, ["su", "-", "alice", "-c", script("local", SERVE + """
print(attempt(socket.create_server, ("", 8080)), end=" ")
serve("127.0.0.1", 8080)""")])
        self.assertEqual("EACCES in", talk.said)
        with socket.socket() as client:
            self.assertEqual(0, client.connect_ex(("127.0.0.1", 8080)))
        with socket.socket() as client:
            self.assertNotEqual(0, client.connect_ex((PUBLIC, 8080)))


class UdpAnswer(SessionTest):
    SOURCE = """
def sends(port, to, connects=False):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        if port:
            said = attempt(s.bind, ("0.0.0.0", port))
            if said != "ok":
                return said
        if connects:
            s.connect(to)
            return attempt(s.send, b"x")
        return attempt(s.sendto, b"x", to)
"""

    def test_sockets_of_these_ports_send_anywhere_and_others_nowhere(self):
        peer = listen(self, PUBLIC, kind=socket.SOCK_DGRAM)
        STAGE.policy("[network]\nudp_answer = 60000-60010\n")
        said = self.confined.python(self.SOURCE + f"""
to = ({PUBLIC!r}, {peer.port})
answer([sends(60000, to), sends(60010, to), sends(60011, to), sends(0, to)])""")
        self.assertEqual(["ok", "ok", "EACCES", "EACCES"], said)
        self.assertEqual(2, peer.arrivals())

    def test_denials_win(self):
        peer = listen(self, PUBLIC, kind=socket.SOCK_DGRAM)
        STAGE.policy(f"[network]\nudp_answer = 60000\nnet_deny = {PUBLIC}:*\n")
        said = self.confined.python(self.SOURCE + f"answer(sends(60000, ({PUBLIC!r}, {peer.port})))")
        self.assertEqual(("EACCES", 0), (said, peer.arrivals()))

    def test_mosh(self):
        STAGE.policy("[network]\nudp_answer = 60000-60010\n")
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        argv = self.confined.ssh_argv("mosh-server new -i 127.0.0.1 -p 60001 -l LC_ALL=C.UTF-8 "
                                      "-- sh -c 'echo in-$((6*7)); read line; echo got-$line; sleep 1'")
        done = call(argv, env=environment)
        connect = next((line.split() for line in done.out.splitlines()
                        if line.startswith("MOSH CONNECT")), None)
        self.assertTrue(connect, done)
        with Terminal(["mosh-client", "127.0.0.1", connect[2]], **environment,
                      MOSH_KEY=connect[3]) as terminal:
            terminal.expect("in-42", timeout=20)
            terminal.send("word\r")
            terminal.expect("got-word", timeout=20)
