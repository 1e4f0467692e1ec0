# SPDX-License-Identifier: BSD-3-Clause
"""UDP sockets of a session without UDP rules: they are there, and lead nowhere."""
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

from commands import eventually
from machine import PUBLIC, PUBLIC6
from sniffer import Sniffer
from stage import STAGE
from pam_callers import keepers
from test_pam import PamTest

INET = ("127.0.0.1", PUBLIC)
INET6 = ("::1", PUBLIC6)
SENDS = ("sendto", "sendmsg", "connect and send")

ATTEMPTS = f"""
def send(s, how, address):
    if how == "sendto":
        return attempt(s.sendto, b"x", address)
    if how == "sendmsg":
        return attempt(s.sendmsg, [b"x"], [], 0, address)
    said = attempt(s.connect, address)
    return said if said != "ok" else attempt(s.send, b"x")
def sends(family, addresses):
    for address in addresses:
        for how in {SENDS!r}:
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                send(s, how, address)
"""


class PrivateSockets(PamTest):
    def setUp(self):
        super().setUp()
        for name in ("alice", "dora"):
            STAGE.policy("", name)
        self.stack("su-l")

    def ways_in(self):
        """By the login shell, and by the PAM module."""
        return (("login shell", self.confined), ("pam", self.dora))

    def test_sockets_are_made_as_bare(self):
        self.assertEqual(4 * [True], self.both(lambda who: who.python("""
import ctypes, fcntl
said = []
for family in (socket.AF_INET, socket.AF_INET6):
    for flags in (0, socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC):
        number = int(ctypes.CDLL(None).socket(family, socket.SOCK_DGRAM | flags, 0))
        with socket.socket(fileno=number) as s:
            said.append(s.family == family and s.type == socket.SOCK_DGRAM and s.proto == 17
                        and bool(fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK) == (flags != 0)
                        and os.get_inheritable(number) == (flags == 0))
answer(said)
""")))

    def test_nothing_that_is_sent_arrives(self):
        for name, who in self.ways_in():
            heard = [self.listen(a, kind=socket.SOCK_DGRAM) for a in INET + INET6]
            inet, inet6 = ([h.address[:2] for h in heard[n:n + 2]] for n in (0, 2))
            sending = ATTEMPTS + f"sends(socket.AF_INET, {inet!r})\nsends(socket.AF_INET6, {inet6!r})\n"
            with self.subTest(way=name):
                self.bare.python(sending + "answer(0)")
                self.assertEqual([len(SENDS)] * 4, [h.arrivals() for h in heard])
                who.python(sending + "answer(0)")
                self.assertEqual([0] * 4, [h.arrivals() for h in heard])

    def test_nothing_leaves_the_machine(self):
        wire = Sniffer()
        self.addCleanup(wire.close)
        sending = ATTEMPTS + """
sends(socket.AF_INET, [("198.18.0.2", 53), ("9.9.9.9", 4000), ("224.0.0.251", 5353), ("255.255.255.255", 67)])
sends(socket.AF_INET6, [("fd18::2", 53), ("2620:fe::9", 4000), ("ff02::fb", 5353), ("::ffff:9.9.9.9", 53)])
answer(0)
"""
        for name, who in self.ways_in():
            with self.subTest(way=name):
                wire.quiet()
                self.bare.python(sending)
                self.assertTrue(wire.seen(2))
                wire.quiet()
                who.python(sending)
                self.assertFalse(wire.seen(2))

    def test_source_address_is_the_true_one(self):
        wire = Sniffer()
        self.addCleanup(wire.close)
        STAGE.policy("[network]\nnet_allow = *:443\n")
        self.assertEqual(["198.18.0.1", "fd18::1"], self.both(lambda who: who.python("""
said = []
for family, address in ((socket.AF_INET, "9.9.9.9"), (socket.AF_INET6, "2620:fe::9")):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.connect((address, 443))
        said.append(s.getsockname()[0])
answer(said)
""")))

    def test_family_without_a_default_route_stays_unreachable(self):
        STAGE.policy("[network]\nnet_allow = *:443\n")
        self.both(lambda who: who.python("""
said = []
for family, address in ((socket.AF_INET, "9.9.9.9"), (socket.AF_INET6, "2620:fe::9")):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        said.append(attempt(s.connect, (address, 443)))
answer(said)
"""))

    def test_connect_elsewhere_is_refused(self):
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:443\n")
        said = self.confined.python(f"""
said = []
for address, port in (("{PUBLIC}", 9), ("127.0.0.1", 9), ("127.0.0.1", 53)):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        said.append(attempt(s.connect, (address, port)))
answer(said)
""")
        self.assertEqual(["ok", "EACCES", "ok"], said)

    def test_look_up_without_a_resolver_fails_at_once(self):
        said = self.confined.python("""
start = time.monotonic()
said = attempt(socket.getaddrinfo, "git.example.test", 443)
answer([said != "ok", time.monotonic() - start < 2])
""")
        self.assertEqual([True, True], said)

    def test_sockets_of_one_session_reach_each_other(self):
        self.assertEqual("x", self.both(lambda who: who.python("""
one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for n in "ab")
one.bind(("127.0.0.1", 0))
two.sendto(b"x", one.getsockname())
one.settimeout(2)
answer(one.recv(9).decode())
""")))

    def test_many_sockets_in_many_threads(self):
        said = self.confined.python("""
import threading
said = []
def work():
    for n in range(20):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            said.append(s.fileno() >= 0)
threads = [threading.Thread(target=work) for n in range(200)]
[t.start() for t in threads]
[t.join() for t in threads]
answer([len(said), all(said)])
""")
        self.assertEqual([4000, True], said)

    def test_limit_of_descriptors_is_as_bare(self):
        self.assertEqual("EMFILE", self.both(lambda who: who.python("""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
kept, said = [], "ok"
while said == "ok":
    said = attempt(lambda: kept.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
answer(said)
""")))

    def test_owner_of_the_namespace_may_do_no_more_than_anybody(self):
        """The login shell's user owns the user namespace of the private sockets."""
        said = self.confined.python("""
import fcntl, struct
IP, IPV6 = socket.IPPROTO_IP, socket.IPPROTO_IPV6
s4, s6 = (socket.socket(f, socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6))
lo = struct.pack("16s24s", b"lo", b"")
down = struct.pack("16sH22s", b"lo", 0, b"")
address = struct.pack("16sHH4s16s", b"lo", socket.AF_INET, 0, bytes([10, 9, 8, 7]), b"")
said = {
    "namespace": attempt(fcntl.ioctl, s4, 0x894c),
    "bridge": attempt(fcntl.ioctl, s4, 0x89a0, b"br0".ljust(16, bytes(1))),
    "down": attempt(fcntl.ioctl, s4, 0x8914, down),
    "address": attempt(fcntl.ioctl, s4, 0x8916, address),
    "transparent": attempt(s4.setsockopt, IP, 19, 1),
    "transparent_ipv6": attempt(s6.setsockopt, IPV6, 75, 1),
    "mark": attempt(s4.setsockopt, socket.SOL_SOCKET, 36, 1),
    "repair": attempt(socket.socket().setsockopt, socket.IPPROTO_TCP, 19, 1),
    "read_ip_tables": attempt(s4.getsockopt, IP, 64, 84),
    "read_ip6_tables": attempt(s6.getsockopt, IPV6, 64, 84),
    "read_arp_tables": attempt(s4.getsockopt, IP, 96, 84),
    "read_ip_set": attempt(s4.getsockopt, IP, 83, 8),
}
tables = {
    "ip_tables": attempt(s4.setsockopt, IP, 64, bytes(96)),
    "ip6_tables": attempt(s6.setsockopt, IPV6, 64, bytes(96)),
    "arp_tables": attempt(s4.setsockopt, IP, 96, bytes(96)),
    "policy": attempt(s4.setsockopt, IP, 17, bytes(200)),
    "policy_ipv6": attempt(s6.setsockopt, IPV6, 35, bytes(200)),
}
answer([said, tables, attempt(fcntl.ioctl, s4, 0x8913, down)])
""")
        self.assertLessEqual(set(said[1].values()), {"EPERM", "ENOPROTOOPT"}, said)
        self.assertEqual(({"EPERM"}, "ok"),
                         (set(said[0].values()), said[2]), said)

    def test_helper_that_was_late_serves_again(self):
        """On a very busy machine it can be; the session's other calls go on meanwhile."""
        source = """
def take():
    try:
        kept.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.02)
kept = []
said = [take()]
open("ready", "w").close()
wait_for("stopped")
said += [[take() for _ in range(20)][-1]]
start = time.monotonic()
said += [take(), time.monotonic() - start < 1, tcp("127.0.0.1", 9)]
open("late", "w").close()
wait_for("goes")
time.sleep(0.2)
answer(said + [take() for _ in range(20)])
"""
        who = self.confined
        marks = {name: who.home / name for name in ("ready", "stopped", "late", "goes")}
        for mark in marks.values():
            self.addCleanup(mark.unlink, missing_ok=True)
        with ThreadPoolExecutor() as pool:
            session = pool.submit(who.python, source)
            eventually(marks["ready"].exists, "the session is ready")
            helper, = keepers("sandlock-networ")
            os.kill(helper, signal.SIGSTOP)
            marks["stopped"].touch()
            eventually(marks["late"].exists, "the helper is late")
            os.kill(helper, signal.SIGCONT)
            marks["goes"].touch()
            said = session.result()
        self.assertEqual(["ok", "EPERM", "EPERM", True, "EACCES"] + ["ok"] * 20, said)
        self.log.wait("sandlock-network does not answer in time")
