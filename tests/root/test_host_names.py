# SPDX-License-Identifier: BSD-3-Clause
"""Host names with real name servers: what they open, what is answered, and what leaves."""
import socket
import subprocess
import time
from pathlib import Path

from commands import eventually
from machine import PUBLIC, PUBLIC6
from name_servers import A, Odd, PrivateNetwork, Real, Resolver
from session_test import SessionTest

RESOLV_CONF = Path("/etc/resolv.conf")
SECOND = "192.0.2.53"  # another server


def inet(text):
    return socket.inet_aton(text)


class NamesTest(SessionTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(RESOLV_CONF.write_text, RESOLV_CONF.read_text())

    def configure(self, text):
        RESOLV_CONF.write_text(text)

    def resolver(self, rules, *more):
        resolver = Resolver("[network]\n" + "\n".join((f"net_allow = {rules}", *more)) + "\n")
        self.addCleanup(resolver.close)
        return resolver

    def odd(self, behave, address=PUBLIC):
        server = Odd(behave, address)
        self.addCleanup(server.close)
        return server


class RealTest(NamesTest):
    @classmethod
    def setUpClass(cls):
        cls.servers, cls.network = Real(), PrivateNetwork()

    @classmethod
    def tearDownClass(cls):
        if cls.network:  # it is called once more at the end of all
            cls.network.close()
            cls.servers.close()
        cls.network = cls.servers = None

    def inside(self, rules, *more):
        """The resolver, listening in the private network; what it had asked by itself is told."""
        resolver = self.resolver(rules, *more)
        resolver.listen(self.network.sockets)
        resolver.first()
        return resolver

    def dig(self, *words, server=PUBLIC):
        return self.network.run("dig", "+tries=1", "+time=3", f"@{server}", *words)

    def short(self, *words, **options):
        return self.dig("+short", *words, **options).stdout.split()


class Answers(RealTest):
    """To the session."""

    def test_covered_name_is_told_after_it_was_reported(self):
        resolver = self.inside("*.corp.test:443")
        for words, answer, reported in (
                (("git.corp.test", "A"), ["203.0.113.10"], ["203.0.113.10"]),
                (("git.corp.test", "AAAA"), ["2001:db8:1::10"], ["2001:db8:1::10"]),
                (("db.corp.test",), ["10.20.30.40"], ["10.20.30.40"]),
                (("www.corp.test",), ["edge.cdn.test.", "pop.cdn.test.", "203.0.113.20"],
                 ["203.0.113.20"]),
                (("www.corp.test", "CNAME"), ["edge.cdn.test."], []),
                (("xn--mnchen-3ya.corp.test",), ["203.0.113.15"], ["203.0.113.15"]),
                (("a.deep.wild.corp.test",), ["203.0.113.12"], ["203.0.113.12"]),
                (("web.corp.test", "HTTPS"), ["1", ".", 'alpn="h2"'], [])):
            with self.subTest(words=words):
                self.assertEqual(answer, self.short(*words))
                self.assertEqual(reported, [row[1] for row in resolver.told()])

    def test_name_server_over_ipv6_and_by_tcp(self):
        self.configure(f"nameserver {PUBLIC6}\nnameserver {PUBLIC}\n")
        self.inside("git.corp.test:443")
        for words, server in (((), PUBLIC6), (("+tcp",), PUBLIC), (("+tcp",), PUBLIC6)):
            with self.subTest(words=words, server=server):
                self.assertEqual(["203.0.113.10"],
                                 self.short("git.corp.test", *words, server=server))

    def test_long_answer_is_cut_off_and_whole_by_tcp(self):
        resolver = self.inside("*.corp.test:443")
        done = self.dig("many.corp.test", "+ignore", "+noedns")
        self.assertIn(" tc ", done.stdout)
        self.assertEqual(240, len(self.short("many.corp.test", "AAAA")))
        self.assertEqual(240, len(self.short("many.corp.test")))
        self.assertEqual(480, len({row[1] for row in resolver.told()}))

    def test_other_names_do_not_exist(self):
        self.inside("git.corp.test:443 *.wild.corp.test:80")
        for words, rcode, reason in (
                (("evil.test",), "NXDOMAIN", True), (("db.corp.test",), "NXDOMAIN", True),
                (("x.git.corp.test",), "NXDOMAIN", True), (("corp.test",), "NOERROR", True),
                (("test",), "NOERROR", True), (("wild.corp.test",), "NOERROR", True),
                ((".", "NS"), "NOERROR", True), (("git.corp.test", "TXT"), "NOERROR", True),
                (("git.corp.test", "ANY", "+notcp"), "NOERROR", True),
                (("gone.wild.corp.test",), "NXDOMAIN", False),
                (("git.corp.test", "-c", "CH"), "REFUSED", False)):
            with self.subTest(words=words):
                done = self.dig(*words)
                self.assertIn(f"status: {rcode}", done.stdout)
                self.assertIn("ANSWER: 0", done.stdout)
                self.assertEqual(reason, "EDE: 18" in done.stdout)

    def test_server_that_is_none_of_the_machine_s_refuses(self):
        self.inside("git.corp.test:443")
        for server in ("9.9.9.9", "2620:fe::fe"):
            done = self.dig("git.corp.test", server=server)
            self.assertIn("status: REFUSED", done.stdout)

    def test_name_of_an_open_address_alone_is_told(self):
        self.inside("git.corp.test:443")
        self.assertEqual(["git.corp.test."], self.short("-x", "203.0.113.10"))
        self.assertEqual([], self.short("-x", "203.0.113.99"))
        self.inside("203.0.113.0/24:22")
        self.assertEqual([], self.short("-x", "198.51.100.1"))

    def test_name_of_an_address_of_a_rule_is_told(self):
        self.inside("203.0.113.0/24:22 git.corp.test:443")
        self.assertEqual(["hidden.corp.test."], self.short("-x", "203.0.113.99"))
        self.assertIn("NXDOMAIN", self.dig("-x", "198.51.100.1").stdout)

    def test_localhost_is_told_without_asking(self):
        self.inside("git.corp.test:443")
        self.assertEqual(["127.0.0.1"], self.short("localhost"))
        self.assertEqual(["::1"], self.short("localhost", "AAAA"))
        self.assertNotIn("localhost", [name for name, _ in self.servers.asked()])

    def test_odd_messages_are_answered_and_leave_nothing(self):
        self.inside("git.corp.test:443")
        before = len(self.servers.asked())
        source = r"""
import socket, struct, sys
head = lambda *counts: b"\x12\x34\x01\x00" + struct.pack(">HHHH", *counts)
name = b"\3git\4corp\4test\0"
odd = [b"", b"x", head(1, 0, 0, 0), head(2, 0, 0, 0) + 2 * (name + b"\0\1\0\1"),
       head(1, 0, 0, 0) + name + b"\0\1\0\1junk", head(1, 1, 0, 0) + 2 * (name + b"\0\1\0\1"),
       head(1, 0, 0, 0) + b"\3g\0t\4corp\4test\0\0\1\0\1",
       head(1, 0, 0, 0) + b"\7git\6cor\4corp\4test\0\0\1\0\1",
       b"\x12\x34\x28\0" + struct.pack(">HHHH", 1, 0, 0, 0) + name + b"\0\6\0\1",
       b"\x12\x34\x81\x80" + struct.pack(">HHHH", 1, 0, 0, 0) + name + b"\0\1\0\1", b"\xff" * 1500]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
for message in odd:
    s.sendto(message, (sys.argv[1], 53))
    try:
        print(s.recv(4096)[3] & 15)
    except socket.timeout:
        print("silent")
"""
        done = self.network.run("python3", "-c", source, PUBLIC)
        self.assertEqual(["silent", "silent", "1", "1", "1", "1", "3", "3", "4", "silent", "silent"],
                         done.stdout.split(), done.stderr)
        self.assertEqual(["203.0.113.10"], self.short("git.corp.test"))
        self.assertEqual(before, len(self.servers.asked()))

    def test_nothing_but_covered_names_leaves(self):
        before = len(self.servers.asked())
        self.inside("git.corp.test:443 *.wild.corp.test:80")
        tries = [("GiT.cOrP.TeSt",), ("secret.git.corp.test",), ("c2VjcmV0.evil.test", "TXT"),
                 ("git.corp.test", "+subnet=192.0.2.77/32"), ("git.corp.test", "+ednsopt=65001:736563"),
                 ("git.corp.test", "+tcp"), ("secret.test", "+tcp"), ("evil.test", "ANY"),
                 ("evil.test", "AXFR"), ("git.corp.test", "AXFR"), ("git.corp.test", "TYPE65280"),
                 ("git.corp.test", "-c", "HS"), ("b.wild.corp.test", "+norecurse"),
                 (r"se\.cret.wild.corp.test",), (r"se\000cret.wild.corp.test",),
                 ("-x", "198.51.100.77"), ("secret.in-addr.arpa", "PTR")]
        for words in tries:
            self.dig(*words)
        for server in ("9.9.9.9", "1.1.1.1", "2620:fe::fe", "198.51.100.53"):
            self.dig("secret.evil.test", server=server)
        left = self.servers.asked()[before:]
        self.assertIn(("git.corp.test", "A"), left)
        for name, kind in left:
            self.assertRegex(name, r"^(git\.corp\.test|[a-z0-9_.-]+\.wild\.corp\.test)$")
            self.assertIn(kind, ("A", "AAAA", "CNAME", "HTTPS", "SVCB"))

    def test_flood_of_one_name_asks_once(self):
        self.inside("*.corp.test:443")
        before = len(self.servers.asked())
        source = r"""
import socket, struct, sys, threading
message = b"\1\0\0\1\0\0\0\0\0\0" + b"\4gone\4corp\4test\0\0\1\0\1"
def work():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    for n in range(50):
        s.sendto(struct.pack(">H", n) + message, (sys.argv[1], 53))
        said.append(s.recv(4096)[3] & 15)
said = []
threads = [threading.Thread(target=work) for n in range(40)]
[t.start() for t in threads]
[t.join() for t in threads]
print(len(said), set(said))
"""
        done = self.network.run("python3", "-c", source, PUBLIC)
        self.assertEqual("2000 {3}", done.stdout.strip(), done.stderr)
        self.assertLessEqual(len(self.servers.asked()) - before, 2)

    def test_flood_of_names_is_bounded(self):
        self.inside("*.wild.corp.test:443")
        before = len(self.servers.asked())
        source = r"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(20000):
    s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\6x%05d\4wild\4corp\4test\0\0\1\0\1" % n,
             (sys.argv[1], 53))
"""
        start = time.monotonic()
        self.network.run("python3", "-c", source, PUBLIC)
        eventually(lambda: self.short("b.wild.corp.test") == ["203.0.113.13"], "it answers again")
        seconds = time.monotonic() - start
        self.assertLess(len(self.servers.asked()) - before, 512 + 256 * (seconds + 1))


class Rebinding(RealTest):
    NAMES = ("loopback", "mapped", "linklocal", "metadata", "nat64", "sixtofour")

    def test_addresses_of_other_classes_are_not_told(self):
        resolver = self.inside("*.corp.test:443")
        for name in self.NAMES:
            for kind in ("A", "AAAA"):
                self.assertEqual([], self.short(f"{name}.corp.test", kind))
        resolver.told()
        self.assertEqual(["203.0.113.11"], self.short("some.corp.test"))
        self.assertEqual(["10.20.30.40"], self.short("db.corp.test"))

    def test_private_addresses_are_told_where_written(self):
        self.inside("*.corp.test:443", "name_addresses = @global")
        self.assertEqual([], self.short("db.corp.test"))
        self.assertEqual(["203.0.113.10"], self.short("git.corp.test"))

    def test_loopback_is_told_where_written(self):
        self.inside("*.corp.test:443", "name_addresses = @loopback")
        self.assertEqual(["127.0.0.1"], self.short("loopback.corp.test"))
        self.assertEqual([], self.short("git.corp.test"))


class Background(RealTest):
    """What is looked up without anybody asking."""

    def test_plain_names_are_reported_with_their_ttl(self):
        rows = self.resolver("git.corp.test:443 www.corp.test:80 *.wild.corp.test:1").first()
        self.assertEqual({(0, "203.0.113.10"), (0, "2001:db8:1::10"), (1, "203.0.113.20")},
                         {row[:2] for row in rows})
        self.assertTrue(all(0 < row[2] <= (300 if row[0] == 0 else 10) for row in rows), rows)

    def test_short_name_is_looked_up_in_the_search_domains(self):
        self.configure(f"search nowhere.test corp.test\nnameserver {PUBLIC}\n")
        rows = self.resolver("git:443").first()
        self.assertEqual({"203.0.113.10", "2001:db8:1::10"}, {row[1] for row in rows})
        resolver = self.inside("git:443")
        self.assertEqual(["203.0.113.10"], self.short("git.corp.test"))
        self.assertEqual([], self.short("db.corp.test"))
        self.assertEqual({0}, {row[0] for row in resolver.told()} or {0})

    def test_missed_connection_asks_again(self):
        resolver = self.inside("git.corp.test:443 *.wild.corp.test:1")
        self.assertEqual(["203.0.113.13"], self.short("b.wild.corp.test"))
        time.sleep(1.1)
        before = len(self.servers.asked())
        resolver.told()
        resolver.refresh("203.0.113.13")
        self.assertIn("203.0.113.13", [row[1] for row in resolver.first()])
        self.assertIn(("b.wild.corp.test", "A"), self.servers.asked()[before:])

    def test_hosts_file_is_followed_and_comes_first(self):
        hosts = Path("/etc/hosts")
        self.addCleanup(hosts.write_text, hosts.read_text())
        hosts.write_text("127.0.0.9 git.corp.test x.wild.corp.test\n")
        before = len(self.servers.asked())
        resolver = self.resolver("git.corp.test:443 *.wild.corp.test:1")
        self.assertEqual({(0, "127.0.0.9", True), (1, "127.0.0.9", True)},
                         {(row[0], row[1], row[3]) for row in resolver.first()})
        self.assertEqual([], self.servers.asked()[before:])
        hosts.write_text("127.0.0.8 git.corp.test\n")
        resolver.refresh()
        self.assertEqual({(0, "127.0.0.8")}, {row[:2] for row in resolver.first()})

    def test_hosts_alone_asks_nobody(self):
        before = len(self.servers.asked())
        self.assertEqual([], self.resolver("git.corp.test:443", "dns = hosts").first())
        self.assertEqual([], self.servers.asked()[before:])


class Servers(NamesTest):
    """Name servers that are not as they should be."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.ip, "del")
        self.ip("add")

    @staticmethod
    def ip(word):
        subprocess.run(["ip", "addr", word, f"{SECOND}/32", "dev", "lo"], check=True)

    def good(self, address):
        return lambda name, kind, count: [(A, 60, inet(address))] if kind == A else []

    def two(self, first, options=""):
        self.configure(f"nameserver {PUBLIC}\nnameserver {SECOND}\n{options}")
        one = self.odd(first) if first else None
        return one, self.odd(self.good("203.0.113.5"), SECOND)

    def addresses(self, **options):
        start = time.monotonic()
        rows = self.resolver("a.test:443").first(**options)
        return {row[1] for row in rows}, time.monotonic() - start

    def test_dead_server_is_left_for_the_next(self):
        self.two(None)  # nobody listens there
        self.assertEqual({"203.0.113.5"}, self.addresses()[0])

    def test_silent_server_is_left_after_a_second(self):
        self.two(lambda *_: None)
        found, seconds = self.addresses()
        self.assertEqual({"203.0.113.5"}, found)
        self.assertLess(seconds, 3)

    def test_server_that_fails_is_left_for_the_next(self):
        one, _ = self.two(lambda *_: 2)
        for rcode in (2, 4, 5):
            with self.subTest(rcode=rcode):
                one.behave = lambda *_, rcode=rcode: rcode
                self.assertEqual({"203.0.113.5"}, self.addresses()[0])
                self.assertTrue(one.asked)

    def test_server_without_edns_is_asked_without(self):
        self.configure(f"nameserver {PUBLIC}\n")
        seen = []

        def behave(_name, kind, count):
            seen.append(count)
            return 1 if count <= 2 else [(A, 60, inet("203.0.113.6"))] if kind == A else []

        self.odd(behave)
        self.assertEqual({"203.0.113.6"}, self.addresses()[0])
        self.assertEqual(4, len(seen))

    def test_lies_of_others_are_passed_over(self):
        """Answers with another id, or to another question, before the true one."""
        self.configure(f"nameserver {PUBLIC}\n")
        server = self.odd(self.good("203.0.113.7"))

        def lies(query):
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + inet("203.0.113.66")
            head = b"\x81\x80\0\1\0\1\0\0\0\0"
            question = b"\1a\4test\0\0\1\0\1"
            return [bytes([query[0] ^ 1, query[1]]) + head + question + record,
                    query[:2] + head + question.replace(b"a", b"b", 1) + record,
                    query[:2] + head + question + record[:-1], b"\xff" * 100]

        server.before = lies
        self.assertEqual({"203.0.113.7"}, self.addresses()[0])

    def test_records_of_other_names_open_nothing(self):
        self.configure(f"nameserver {PUBLIC}\n")
        server = self.odd(None)

        def behave(_name, kind, _count):
            question = b"\1a\4test\0" + kind.to_bytes(2, "big") + b"\0\1"
            record = b"\0\1\0\1\0\0\0\x3c\0\4"
            return (server.ids[-1] + b"\x81\x80\0\1\0\2\0\0\0\0" + question
                    + b"\4evil\4test\0" + record + inet("203.0.113.66")
                    + b"\xc0\x0c" + record + inet("203.0.113.8"))

        server.behave = behave
        self.assertEqual({"203.0.113.8"}, self.addresses()[0])

    def test_answers_add_up_where_a_server_gives_one_of_many(self):
        self.configure(f"nameserver {PUBLIC}\n")
        self.odd(lambda name, kind, count: [(A, 1, inet(f"203.0.113.{count % 16}"))]
                 if kind == A else [])
        resolver = self.resolver("a.test:443")
        found = {row[1] for row in resolver.first()}
        for _ in range(3):
            time.sleep(1.05)
            resolver.refresh()
            found |= {row[1] for row in resolver.first()}
        self.assertGreaterEqual(len(found), 3)

    def test_resolv_conf_is_followed(self):
        self.odd(self.good("203.0.113.1"))
        self.odd(self.good("203.0.113.5"), SECOND)
        self.configure(f"nameserver {PUBLIC}\n")
        resolver = self.resolver("a.test:443")
        self.assertEqual({"203.0.113.1"}, {row[1] for row in resolver.first()})
        new = Path("/etc/resolv.conf.new")
        target = Path("/run/resolv.conf")
        self.addCleanup(self._plain)

        def rename():
            new.write_text(f"nameserver {SECOND}\n")
            new.rename(RESOLV_CONF)

        def truncate():
            RESOLV_CONF.write_text(f"nameserver {PUBLIC}\n")

        def link():
            target.write_text(f"nameserver {SECOND}\n")
            RESOLV_CONF.unlink()
            RESOLV_CONF.symlink_to(target)

        for change, address in ((rename, "203.0.113.5"), (truncate, "203.0.113.1"),
                                (link, "203.0.113.5")):
            with self.subTest(change=change.__name__):
                time.sleep(1.05)
                change()
                resolver.refresh()
                self.assertEqual({address}, {row[1] for row in resolver.first()})

    @staticmethod
    def _plain():
        if RESOLV_CONF.is_symlink():
            RESOLV_CONF.unlink()

    def test_rotate_asks_all_servers(self):
        one, other = self.two(self.good("203.0.113.4"), "options rotate\n")
        self.resolver("a.test:443 b.test:443 c.test:443").first()
        self.assertTrue(one.asked and other.asked)
        self.assertEqual(6, len(one.asked) + len(other.asked))

    def test_ids_and_ports_are_fresh(self):
        self.configure(f"nameserver {PUBLIC}\n")
        server = self.odd(self.good("203.0.113.4"))
        self.resolver(" ".join(f"n{i}.test:443" for i in range(30))).first()
        self.assertGreater(len(set(server.ids)), 50)

