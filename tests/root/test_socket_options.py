# SPDX-License-Identifier: BSD-3-Clause
"""Socket options that the supervisor decides: groups that a rule covers, addresses of others.

What no session may set is in the class Emission of PROBES.md.
"""
from session_test import SessionTest
from sniffer import Sniffer
from stage import STAGE

OPEN, SHUT = "239.83.76.67", "239.83.76.68"
OPEN6, SHUT6 = "ff0e::534c:434b", "ff0e::534c:434c"
PORT = 5353

GROUPS = f"""
import struct
OPEN, SHUT, OPEN6, SHUT6, PORT = "{OPEN}", "{SHUT}", "{OPEN6}", "{SHUT6}", {PORT}
WIRE = socket.if_nametoindex("{Sniffer.NAME}")

def storage(group):
    family = socket.AF_INET6 if ":" in group else socket.AF_INET
    name = socket.inet_pton(family, group)
    if family == socket.AF_INET:
        return struct.pack("=HH4s120x", family, 0, name)
    return struct.pack("=HHI16sI100x", family, 0, 0, name, 0)

def level(group):
    return socket.IPPROTO_IPV6 if ":" in group else socket.IPPROTO_IP

def endpoint(group, kind):
    return socket.socket(socket.AF_INET6 if ":" in group else socket.AF_INET, kind)

def old(group, kind):
    name = socket.inet_pton(endpoint(group, kind).family, group)
    if ":" in group:
        value, option = name + struct.pack("=I", WIRE), socket.IPV6_JOIN_GROUP
    else:
        value, option = struct.pack("=4s4xI", name, WIRE), socket.IP_ADD_MEMBERSHIP
    endpoint(group, kind).setsockopt(level(group), option, value)

def new(group, kind):
    endpoint(group, kind).setsockopt(level(group), 42, struct.pack("=I4x", WIRE) + storage(group))

def source(group, kind):
    by = "2001:db8:77::77" if ":" in group else "198.51.100.77"
    endpoint(group, kind).setsockopt(
        level(group), 46, struct.pack("=I4x", WIRE) + storage(group) + storage(by))

def joined(way, *groups, kind=socket.SOCK_DGRAM):
    return [attempt(way, group, kind) for group in groups]
"""


class Groups(SessionTest):
    POLICY = (f"[network]\nnet_allow = udp://{OPEN}:{PORT} udp://[{OPEN6}]:{PORT}-5400\n"
              f"net_bind = {PORT}\n")

    def setUp(self):
        super().setUp()
        self.sniffer = Sniffer()
        self.addCleanup(self.sniffer.close)

    def test_group_of_a_rule_is_joined_and_another_is_not(self):
        source = GROUPS + """
answer([joined(way, OPEN, SHUT, OPEN6, SHUT6) for way in (old, new, source)])"""
        self.assertEqual([["ok"] * 4] * 3, self.bare.python(source))
        self.assertEqual([["ok", "EACCES"] * 2] * 3, self.confined.python(source))
        self.log.wait(f"destination={SHUT}")

    def test_group_that_no_rule_covers_is_not_reported(self):
        source = GROUPS + """
answer([joined(way, SHUT, SHUT6, kind=kind) for way in (new, source)
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)])"""
        self.bare.python(source)
        self.assertTrue(self.sniffer.seen(1))
        self.sniffer.quiet()
        self.assertEqual([["EACCES"] * 2] * 4, self.confined.python(source))
        self.assertFalse(self.sniffer.seen(1))

    def test_errors_are_the_kernel_s(self):
        source = GROUPS + """
def raw(option, value):
    endpoint(OPEN, socket.SOCK_DGRAM).setsockopt(socket.IPPROTO_IP, option, value)
import ctypes
def at(address, length):
    client = endpoint(OPEN, socket.SOCK_DGRAM)
    if ctypes.CDLL(None, use_errno=True).setsockopt(client.fileno(), 0, 42, ctypes.c_void_p(address),
                                                    length):
        raise OSError(ctypes.get_errno(), "")
answer([attempt(raw, 35, b""), attempt(raw, 35, bytes(3)), attempt(raw, 35, bytes(12)),
        attempt(raw, 35, bytes([10, 0, 0, 1]) + bytes(8)), attempt(raw, 42, bytes(10)),
        attempt(raw, 42, bytes(136)), attempt(at, 8, 136), attempt(at, 8, -1),
        attempt(raw, 36, socket.inet_aton(OPEN) + bytes(8))])"""
        self.both(lambda who: who.python(source))

    def test_datagrams_of_the_group_arrive(self):
        source = GROUPS + """
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.setsockopt(0, socket.IP_MULTICAST_IF, struct.pack("=4s4xI", bytes(4), WIRE))
client.bind(("0.0.0.0", PORT))
client.setsockopt(0, socket.IP_ADD_MEMBERSHIP, struct.pack("=4s4xI", socket.inet_aton(OPEN), WIRE))
client.settimeout(5)
info = struct.pack("=III", WIRE, 0, 0)
client.sendmsg([b"hello"], [(0, socket.IP_PKTINFO if hasattr(socket, "IP_PKTINFO") else 8, info)],
               0, (OPEN, PORT))
answer(client.recv(10).decode())"""
        self.assertEqual("hello", self.both(lambda who: who.python(source)))

    def test_no_rule_for_a_group_is_no_membership(self):
        STAGE.policy(f"[network]\nnet_allow = udp://127.0.0.1:{PORT}\n")
        source = GROUPS + "answer(joined(new, OPEN, OPEN6))"
        self.assertEqual(["EPERM", "EPERM"], self.confined.python(source))


class Nonlocal(SessionTest):
    def test_foreign_address_is_bound_where_nothing_leaves_from_it(self):
        STAGE.policy("[network]\nnet_bind = *\n")
        source = """
def bound(family, level, option, address):
    with socket.socket(family) as server:
        server.setsockopt(level, option, 1)
        server.bind((address, 0))
answer([attempt(bound, socket.AF_INET, 0, 15, "203.0.113.9"),
        attempt(bound, socket.AF_INET6, 0, 15, "2001:db8:77::77"),
        attempt(bound, socket.AF_INET6, 41, 78, "2001:db8:77::77")])"""
        self.assertEqual(["ok"] * 3, self.bare.python(source))
        self.assertEqual(["ok", "EPERM", "EPERM"], self.confined.python(source))
