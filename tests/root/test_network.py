# SPDX-License-Identifier: BSD-3-Clause
"""What a session reaches and what it does not; each refusal has a live listener that saw nobody."""
import json
import os
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, call, eventually
from listeners import full_queue
from machine import PUBLIC, PUBLIC6
from session_test import SessionTest
from stage import PREFIX, STAGE
from system_log import Log


class NetworkTest(SessionTest):
    def policy(self, *lines):
        STAGE.policy("[network]\n" + "\n".join(lines) + "\n")


class Tcp(NetworkTest):
    def test_listed_port_is_reached_and_another_is_not(self):
        for address in ("127.0.0.1", "::1", PUBLIC, PUBLIC6):
            allowed, refused = self.listen(address), self.listen(address)
            text = f"[{address}]" if ":" in address else address
            self.policy(f"net_allow = {text}:{allowed.port}")
            with self.subTest(address=address):
                said = self.confined.python(
                    f"answer([tcp('{address}', {allowed.port}), tcp('{address}', {refused.port})])")
                self.assertEqual(["ok", "EACCES"], said)
                self.assertEqual((1, 0), (allowed.arrivals(), refused.arrivals()))

    def test_port_does_not_travel_without_its_address(self):
        allowed = self.listen(PUBLIC)
        elsewhere = self.listen("127.0.0.1", allowed.port)
        self.policy(f"net_allow = {PUBLIC}:{allowed.port}")
        said = self.confined.python(f"answer([tcp('{PUBLIC}', {allowed.port}), "
                                    f"tcp('127.0.0.1', {allowed.port})])")
        self.assertEqual(["ok", "EACCES"], said)
        self.assertEqual((1, 0), (allowed.arrivals(), elsewhere.arrivals()))

    def test_empty_policy_reaches_nothing(self):
        listener = self.listen()
        STAGE.policy("")
        said = self.confined.python(f"answer(tcp('127.0.0.1', {listener.port}))")
        self.assertEqual("EACCES", said)
        self.assertEqual(0, listener.arrivals())

    def test_deny_wins_over_allow(self):
        one, two = self.listen(), self.listen(PUBLIC)
        self.policy("net_allow = *:*", "net_deny = @loopback:*")
        said = self.confined.python(f"answer([tcp('127.0.0.1', {one.port}), "
                                    f"tcp('{PUBLIC}', {two.port})])")
        self.assertEqual(["EACCES", "ok"], said)
        self.assertEqual((0, 1), (one.arrivals(), two.arrivals()))

    def test_unspecified_and_mapped_addresses_count_as_their_target(self):
        listener = self.listen()
        self.policy(f"net_allow = {PUBLIC}:{listener.port}")
        said = self.confined.python(
            f"answer([tcp(a, {listener.port}) for a in "
            "('0.0.0.0', '::', '::ffff:127.0.0.1', '::ffff:0.0.0.0')])")
        self.assertEqual(["EACCES"] * 4, said)
        self.assertEqual(0, listener.arrivals())

    def test_nonblocking_connect_is_in_progress_as_bare(self):
        listener = self.listen()
        self.policy(f"net_allow = 127.0.0.1:{listener.port}")
        self.both(lambda who: who.python(f"""
s = socket.socket()
s.setblocking(False)
first = attempt(s.connect, ("127.0.0.1", {listener.port}))
import select
select.select([], [s], [], 5)
answer([first, s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.recv(0) == b""])
"""))

    def test_closed_port_is_refused_by_the_kernel_as_bare(self):
        listener = self.listen()
        port = listener.port
        listener.close()
        self.policy(f"net_allow = 127.0.0.1:{port}")
        self.assertEqual("ECONNREFUSED",
                         self.both(lambda who: who.python(f"answer(tcp('127.0.0.1', {port}))")))

    def test_waiting_connect_delays_no_other(self):
        port = full_queue(self)
        listener = self.listen()
        self.policy(f"net_allow = 127.0.0.1:{port},{listener.port}")
        said = self.confined.python(f"""
import threading
def wait():
    with socket.socket() as s:
        attempt(s.connect, ("127.0.0.1", {port}))
for n in range(20):
    threading.Thread(target=wait, daemon=True).start()
time.sleep(0.3)
start = time.monotonic()
said = [tcp("127.0.0.1", {listener.port}) for n in range(20)]
answer([sorted(set(said)), time.monotonic() - start < 2])
sys.stdout.flush()
os._exit(0)
""")
        self.assertEqual([["ok"], True], said)

    def test_sender_killed_while_it_lingers_delays_no_other(self):
        mute, listener = socket.create_server(("127.0.0.1", 0)), self.listen()
        self.addCleanup(mute.close)
        port = mute.getsockname()[1]
        self.policy(f"net_allow = 127.0.0.1:{port},{listener.port}")
        said = self.confined.python(f"""
import signal, struct
client = socket.create_connection(("127.0.0.1", {port}))
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 5))
sender = os.fork()
if sender == 0:
    client.sendmsg([b"x" * (32 << 20)])
    os._exit(0)
client.close()
time.sleep(0.3)
os.kill(sender, signal.SIGKILL)
os.waitpid(sender, 0)
time.sleep(0.1)
start = time.monotonic()
answer([tcp("127.0.0.1", {listener.port}), time.monotonic() - start < 2])
""")
        self.assertEqual(["ok", True], said)

    def test_thousand_connects_arrive(self):
        listener = self.listen()
        self.policy(f"net_allow = 127.0.0.1:{listener.port}")
        said = self.confined.python(
            f"answer(sorted({{tcp('127.0.0.1', {listener.port}) for n in range(1000)}}))")
        self.assertEqual(["ok"], said)
        self.assertEqual(1000, listener.arrivals())

    def test_fast_open_is_refused(self):
        listener = self.listen()
        self.policy(f"net_allow = {PUBLIC}:{listener.port}")
        said = self.confined.python(f"""
with socket.socket() as s:
    answer(attempt(s.sendto, b"x", 0x20000000, ("127.0.0.1", {listener.port})))
""")
        self.assertEqual("ENOTSUP", said)  # as Python spells EOPNOTSUPP
        self.assertEqual(0, listener.arrivals())

    def test_curl_fetches_from_the_allowed_server_only(self):
        servers = [subprocess.Popen([PYTHON, "-m", "http.server", "--bind", "127.0.0.1",
                                     "--directory", "/etc/default", str(port)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for port in (8001, 8002)]
        for server in servers:
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
        for port in (8001, 8002):
            eventually(lambda p=port: call(["curl", "-sf", f"http://127.0.0.1:{p}/"]).status == 0,
                       "the server is up")
        self.policy("net_allow = 127.0.0.1:8001")
        done = self.confined.su("curl -sSf http://127.0.0.1:8001/useradd | head -1; "
                                "curl -sS http://127.0.0.1:8002/useradd")
        with open("/etc/default/useradd", encoding="utf-8") as lines:
            self.assertEqual(lines.readline(), done.out)
        self.assertEqual(7, done.status)  # could not connect
        self.log.wait(r"127\.0\.0\.1:8002")


class Denial(NetworkTest):
    def test_denial_is_logged_with_who_what_and_why(self):
        listener = self.listen()
        self.policy("net_allow = 127.0.0.1:*", f"net_deny = 127.0.0.1:{listener.port}")
        self.confined.python(f"answer(tcp('127.0.0.1', {listener.port}))")
        line = self.log.wait(rf"127\.0\.0\.1:{listener.port}")
        for part in ("alice", "python3", "connect", "tcp", "alice.conf:3"):
            with self.subTest(part=part):
                self.assertIn(part, line)

    def test_denial_without_a_rule_names_the_default(self):
        listener = self.listen()
        self.policy("")
        self.confined.python(f"answer(tcp('127.0.0.1', {listener.port}))")
        self.assertIn("default", self.log.wait(rf"127\.0\.0\.1:{listener.port}"))

    def test_many_denials_do_not_flood_the_log(self):
        listener = self.listen()
        self.policy("")
        self.confined.python(
            f"answer(sorted({{tcp('127.0.0.1', {listener.port}) for n in range(2000)}}))")
        self.log.wait(rf"127\.0\.0\.1:{listener.port}")
        self.assertLess(len([line for line in self.log.lines if "sandlock" in line]), 200)


    def test_denial_goes_to_the_journal_with_its_fields(self):
        os.makedirs("/run/systemd/journal", exist_ok=True)
        journal = Log("/run/systemd/journal/socket")
        self.addCleanup(journal.close)
        listener = self.listen()
        self.policy("")
        self.confined.python(f"answer(tcp('127.0.0.1', {listener.port}))")
        entry = journal.wait(rf"127\.0\.0\.1:{listener.port}").splitlines()
        for line in ("SYSLOG_IDENTIFIER=sandlock", "SANDLOCK_USER=alice", "SANDLOCK_PROTOCOL=tcp",
                     f"SANDLOCK_DESTINATION=127.0.0.1:{listener.port}"):
            with self.subTest(line=line):
                self.assertIn(line, entry)


class Udp(NetworkTest):
    SEND = """
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    answer(attempt(s.sendto, b"x", ("127.0.0.1", {port})))
"""

    def test_udp_sockets_reach_nobody_where_no_rule_opens_udp(self):
        listener = self.listen(kind=socket.SOCK_DGRAM)
        self.policy(f"net_allow = 127.0.0.1:{listener.port}")
        self.assertEqual("ok", self.confined.python(self.SEND.format(port=listener.port)))
        self.assertEqual(0, listener.arrivals())

    def create(self, kinds):
        numbers = [tuple(map(int, kind)) for kind in kinds]
        return self.confined.python(f"answer([attempt(socket.socket, *k) for k in {numbers}])")

    def test_every_other_family_type_and_protocol_is_refused(self):
        self.policy("net_allow = *:*")
        kinds = [(socket.AF_INET, socket.SOCK_DGRAM, 136),  # UDP-Lite
                 (socket.AF_INET, socket.SOCK_STREAM, 262),  # MPTCP
                 (socket.AF_INET, socket.SOCK_DGRAM, 1), (socket.AF_INET, socket.SOCK_RAW, 1),
                 (socket.AF_INET, socket.SOCK_STREAM, 132), (socket.AF_PACKET, socket.SOCK_RAW, 0),
                 (socket.AF_NETLINK, socket.SOCK_RAW, 15), (40, socket.SOCK_STREAM, 0),
                 (38, socket.SOCK_SEQPACKET, 0), (31, socket.SOCK_RAW, 0)]
        said = self.create(kinds)
        self.assertEqual(dict.fromkeys(kinds, "EPERM"), dict(zip(kinds, said)))

    def test_what_stays_creatable_is(self):
        self.policy("")
        kinds = [(socket.AF_UNIX, socket.SOCK_STREAM, 0), (socket.AF_UNIX, socket.SOCK_DGRAM, 0),
                 (socket.AF_INET, socket.SOCK_STREAM, 0), (socket.AF_INET6, socket.SOCK_STREAM, 6),
                 (socket.AF_NETLINK, socket.SOCK_RAW, 0)]
        said = self.create(kinds)
        self.assertEqual(["ok"] * len(kinds), said)


class Bind(NetworkTest):
    PROBE = """
def bind(port, host="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        said = attempt(s.bind, (host, port))
        return said if said != "ok" else attempt(s.listen)
def listen():
    with socket.socket() as s:
        return attempt(s.listen)
"""

    def test_listed_port_is_bound_and_another_is_not(self):
        self.policy("net_bind = 8080,9000-9001")
        said = self.confined.python(self.PROBE + "answer([bind(8080), bind(9001), bind(9002), "
                                    "bind(8080, '::1'), bind(9002, '::1'), bind(0), listen()])")
        self.assertEqual(["ok", "ok", "EACCES", "ok", "EACCES", "EACCES", "EACCES"], said)

    def test_nothing_is_listened_on_by_default(self):
        self.policy("")
        said = self.confined.python(self.PROBE + "answer([bind(8080), bind(0), listen()])")
        self.assertEqual(["EACCES"] * 3, said)

    def test_port_0_opens_ephemeral_ports_and_unbound_listen(self):
        self.policy("net_bind = 0")
        said = self.confined.python(self.PROBE + "answer([bind(8080), bind(0), listen()])")
        self.assertEqual(["EACCES", "ok", "ok"], said)

    def test_port_0_is_bound_whoever_decides_binds(self):
        """Landlock does; and the supervisor, where UDP is open."""
        source = """
def bind(kind, family, host):
    with socket.socket(family, kind) as s:
        return attempt(s.bind, (host, 0))
answer([bind(socket.SOCK_STREAM, socket.AF_INET, "127.0.0.1"),
        bind(socket.SOCK_STREAM, socket.AF_INET6, "::1"),
        bind(socket.SOCK_STREAM, socket.AF_INET6, "::ffff:127.0.0.1")])"""
        for policy in ("", "net_bind = 8080", "allow_udp = yes\nnet_allow = 127.0.0.1:9",
                       "net_bind = 1024-65535"):
            with self.subTest(policy=policy):
                self.policy(policy)
                self.log.clear()
                self.assertEqual(["ok"] * 3, self.confined.python(source))
                self.assertEqual([], [line for line in self.log.lines if "denied" in line])

    def test_server_inside_is_reached_from_outside(self):
        self.policy("net_bind = 8080")
        server = subprocess.Popen(["su", "-", "alice", "-c",
                                   f"exec {PYTHON} -m http.server --bind 127.0.0.1 8080"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        eventually(lambda: call(["curl", "-sf", "http://127.0.0.1:8080/"]).status == 0,
                   "the server inside answers")


class Unix(NetworkTest):
    def unix(self, path):
        return self.listen(path, family=socket.AF_UNIX)

    def test_foreign_socket_is_refused_and_a_listed_one_is_not(self):
        foreign, listed = self.unix("/tmp/foreign"), self.unix("/tmp/listed")
        self.policy("unix_allow = /tmp/listed")
        said = self.confined.python("answer([unix('/tmp/foreign'), unix('/tmp/listed')])")
        self.assertEqual(["EACCES", "ok"], said)
        self.assertEqual((0, 1), (foreign.arrivals(), listed.arrivals()))

    def test_permissions_of_a_listed_socket_are_the_user_s(self):
        listed = self.unix("/tmp/listed")
        os.chmod("/tmp/listed", 0o600)
        self.policy("unix_allow = /tmp/listed")
        said = self.both(lambda who: who.python("answer(unix('/tmp/listed'))"))
        self.assertEqual("EACCES", said)
        os.chmod("/tmp/listed", 0o666)
        self.assertEqual("ok", self.confined.python("answer(unix('/tmp/listed'))"))
        self.assertEqual(1, listed.arrivals())

    def test_default_refuses_a_socket_of_root(self):
        foreign = self.unix("/tmp/foreign")
        self.policy("")
        self.assertEqual("EACCES", self.confined.python("answer(unix('/tmp/foreign'))"))
        self.assertEqual(0, foreign.arrivals())

    def test_link_to_a_foreign_socket_is_judged_by_its_target(self):
        foreign = self.unix("/tmp/foreign")
        self.policy("unix_allow = /tmp/link*")
        os.symlink("/tmp/foreign", "/tmp/link")
        self.addCleanup(os.unlink, "/tmp/link")
        self.assertEqual("EACCES", self.confined.python("answer(unix('/tmp/link'))"))
        self.assertEqual(0, foreign.arrivals())

    def test_abstract_socket_is_refused_unless_listed(self):
        one, two = self.unix("\0one"), self.unix("\0two")
        self.policy("unix_allow = @two")
        said = self.confined.python(r"answer([unix('\0one'), unix('\0two')])")
        self.assertEqual(["ECONNREFUSED", "ok"], said)
        self.assertEqual((0, 1), (one.arrivals(), two.arrivals()))

    def test_abstract_name_with_nuls_is_judged_as_a_whole(self):
        one, two = self.unix("\0one\0more"), self.unix("\0two\0\0more")
        self.policy("unix_allow = @one @two*")
        said = self.confined.python(r"answer([unix('\0one\0more'), unix('\0two\0\0more')])")
        self.assertEqual(["ECONNREFUSED", "ok"], said)
        self.assertEqual((0, 1), (one.arrivals(), two.arrivals()))
        self.log.wait("destination=@one@more")

    def test_every_kind_and_every_name_is_judged_by_what_it_reaches(self):
        kinds = ("SOCK_STREAM", "SOCK_SEQPACKET", "SOCK_DGRAM")
        for kind in kinds:
            for place in ("foreign", "listed"):
                self.listen(f"/tmp/{place}.{kind}", family=socket.AF_UNIX, kind=getattr(socket, kind))
        os.symlink("/tmp", "/tmp/loop")
        self.addCleanup(os.unlink, "/tmp/loop")
        self.policy("unix_allow = /tmp/listed.*")
        source = f"""
os.chdir("/tmp")
def names(path):
    name = os.path.basename(path)
    padded = "/tmp/" + "./" * ((107 - len("/tmp/") - len(name)) // 2) + name
    return [path, name, "loop/loop/" + name, padded]
def send(kind, name):
    with socket.socket(socket.AF_UNIX, kind) as s:
        if kind != socket.SOCK_DGRAM:
            return s.connect(name)
        return s.sendto(b"x", name), s.sendmsg([b"x"], [], 0, name)
answer([[[attempt(send, getattr(socket, kind), name) for name in names(f"/tmp/{{place}}.{{kind}}")]
         for place in ("foreign", "listed")] for kind in {kinds!r}])"""
        self.assertEqual([[["ok"] * 4, ["ok"] * 4]] * 3, self.bare.python(source))
        self.assertEqual([[["EACCES"] * 4, ["ok"] * 4]] * 3, self.confined.python(source))

    def test_links_of_proc_are_not_followed(self):
        self.unix("/tmp/listed")
        self.policy("unix_allow = /tmp/*")
        source = """
fd = os.open("/tmp", os.O_PATH)
answer([unix("/proc/self/root/tmp/listed"), unix(f"/proc/self/fd/{fd}/listed")])"""
        self.assertEqual(["ok", "ok"], self.bare.python(source))
        self.assertEqual(["ELOOP", "ELOOP"], self.confined.python(source))

    def test_own_server_outside_any_session_is_no_way_out(self):
        path = str(self.confined.home / "outside")
        server = subprocess.Popen(
            [PYTHON, "-c", "import socket\ns = socket.socket(socket.AF_UNIX)\n"
             f"s.bind('{path}')\ns.listen()\nwhile True: print(s.accept()[0].recv(1), flush=True)"],
            user=self.confined.uid, group=self.confined.gid, extra_groups=[],
            stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(os.unlink, path)
        eventually(lambda: os.path.exists(path), "the server listens")
        self.policy("")
        said = self.confined.python(f"""
with socket.socket(socket.AF_UNIX) as s:
    answer([attempt(s.connect, '{path}'), attempt(s.send, b"secret")])
""")
        server.kill()
        server.wait()
        self.assertEqual(["EACCES", "ENOTCONN"], said)
        self.assertEqual(b"", server.stdout.read())

    def test_own_server_of_another_session_is_reached(self):
        self.policy("")
        path = str(self.confined.home / "inside")
        source = self.confined.write("server.py", f"""
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind("{path}.new")
s.listen()
os.rename("{path}.new", "{path}")
while True:
    s.accept()
""")
        server = subprocess.Popen(["su", "-", "alice", "-c", f"exec {PYTHON} {source}"])
        self.addCleanup(os.unlink, path)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        eventually(lambda: os.path.exists(path), "the server listens")
        said = [self.confined.python(f"answer(unix('{path}'))") for _ in range(20)]
        self.assertEqual(["ok"] * 20, said)

    def test_socketpair_and_own_sockets_inside_one_session_work(self):
        self.policy("")
        self.both(lambda who: who.python("""
path = os.path.expanduser("~/pair")
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
client = socket.socket(socket.AF_UNIX)
said = attempt(client.connect, path)
peer, _ = server.accept()
client.sendall(b"x")
got = peer.recv(1).decode()
os.unlink(path)
a, b = socket.socketpair()
a.sendall(b"y")
answer([said, got, b.recv(1).decode()])
"""))


class NameServer:
    """Answers A for one name, or for those that end in it, from the machine's public address."""

    def __init__(self, name, address):
        self.name, self.address, self.asked = name, socket.inet_aton(address), []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((PUBLIC, 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(512)
            if not query:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]])
                at += query[at] + 1
            question, name = query[12:at + 5], b".".join(labels).lower().decode()
            self.asked.append(name)
            known = name == self.name or self.name[0] == "." and name.endswith(self.name)
            found = known and query[at + 1:at + 3] == b"\0\1"
            header = query[:2] + (b"\x81\x80" if known else b"\x81\x83")
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + self.address if found else b""
            self.socket.sendto(header + struct.pack(">HHHH", 1, found, 0, 0) + question + record,
                               client)

    def close(self):
        """Ends the thread by an empty query: a socket it waits on would stay bound."""
        self.socket.sendto(b"", (PUBLIC, 53))
        self.thread.join()
        self.socket.close()


class Names(NetworkTest):
    def test_host_name_opens_its_address_on_its_port_only(self):
        allowed, refused = self.listen(PUBLIC), self.listen(PUBLIC)
        self.policy(f"net_allow = allowed.test:{allowed.port}")
        said = self.confined.python(f"answer([tcp('{PUBLIC}', {allowed.port}), "
                                    f"tcp('{PUBLIC}', {refused.port})])")
        self.assertEqual(["ok", "EACCES"], said)
        self.assertEqual((1, 0), (allowed.arrivals(), refused.arrivals()))
        self.assertIn("name=allowed.test", self.log.wait(f"denied .*{refused.port}"))

    def test_host_name_with_an_ipv6_address_opens_it(self):
        allowed = self.listen(PUBLIC6)
        self.policy(f"net_allow = six.test:{allowed.port}")
        self.assertEqual("ok", self.confined.python(f"answer(tcp('six.test', {allowed.port}, "
                                                    "socket.AF_INET6))"))

    def test_address_that_embeds_another_is_denied_with_it(self):
        """NAT64 and 6to4; the same addresses are reached where nothing denies what they embed."""
        inside = ("64:ff9b::cb00:7107", "2002:cb00:7107::1", "64:ff9b::a00:1", "2002:7f00:1::1")
        for address in inside:
            subprocess.run(["ip", "addr", "add", f"{address}/128", "dev", "lo", "nodad"], check=True)
            self.addCleanup(subprocess.run, ["ip", "addr", "del", f"{address}/128", "dev", "lo"],
                            check=True)
        listeners = [self.listen(address) for address in inside]
        asked = f"answer([tcp(*pair) for pair in {[(s.address[0], s.port) for s in listeners]}])"
        for rules, expected in (
                ("net_allow = *:*", ["ok"] * 4),
                ("net_allow = *:*\nnet_deny = 203.0.113.0/24:*", ["EACCES"] * 2 + ["ok"] * 2),
                ("net_allow = *:*\nnet_deny = @private:* @loopback:*", ["ok"] * 2 + ["EACCES"] * 2),
                ("net_allow = @global:*", ["ok"] * 2 + ["EACCES"] * 2),
                ("net_allow = @private:*", ["EACCES"] * 2 + ["ok", "EACCES"]),
                ("net_allow = 203.0.113.7:* 10.0.0.1:*", ["EACCES"] * 4),
                ("net_allow = [64:ff9b::/96]:*", ["ok", "EACCES"] * 2)):
            with self.subTest(rules=rules):
                self.policy(rules)
                self.assertEqual(expected, self.confined.python(asked))
                self.assertEqual([int(word == "ok") for word in expected],
                                 [listener.arrivals() for listener in listeners])

    def test_localhost_is_the_machine_itself(self):
        """Without a word of /etc/hosts or of a name server."""
        hosts = Path("/etc/hosts")
        self.addCleanup(hosts.write_text, hosts.read_text())
        hosts.write_text(f"{PUBLIC} localhost\n")
        four, six = self.listen(), self.listen("::1")
        public, other = self.listen(PUBLIC), self.listen("127.0.0.2")
        self.policy(f"net_allow = localhost:{four.port},{six.port},{public.port},{other.port}")
        said = self.confined.python(f"answer([tcp('127.0.0.1', {four.port}), tcp('::1', {six.port}), "
                                    f"tcp('{PUBLIC}', {public.port}), "
                                    f"tcp('127.0.0.2', {other.port})])")
        self.assertEqual(["ok", "ok", "EACCES", "EACCES"], said)
        self.assertEqual((1, 1, 0, 0), tuple(seen.arrivals() for seen in (four, six, public, other)))

    def test_name_that_answers_loopback_opens_it_where_written(self):
        server = NameServer("lookup.test", "127.0.0.1")
        self.addCleanup(server.close)
        listener = self.listen()
        for more, expected in (("", "EACCES"), ("\nname_addresses = @global", "EACCES"),
                               ("\nname_addresses = @global @loopback", "ok")):
            with self.subTest(more=more):
                self.policy(f"net_allow = lookup.test:{listener.port}{more}")
                self.assertEqual(expected, self.confined.python(
                    f"answer(tcp('127.0.0.1', {listener.port}))"))
                self.assertEqual(int(expected == "ok"), listener.arrivals())
        line = self.log.wait("rule allows nothing")
        for word in ("name=lookup.test", "addresses=127.0.0.1", "key=name_addresses", "alice.conf:2"):
            self.assertIn(word, line)

    def test_address_in_etc_hosts_opens_whatever_its_class(self):
        hosts = Path("/etc/hosts")
        self.addCleanup(hosts.write_text, hosts.read_text())
        hosts.write_text(hosts.read_text() + "127.0.0.1 near.test deep.below.test\n")
        listener = self.listen()
        for name in ("near.test", "*.below.test"):
            with self.subTest(name=name):
                self.policy(f"net_allow = {name}:{listener.port}\nname_addresses = @global")
                self.assertEqual("ok", self.confined.python(
                    f"answer(tcp('127.0.0.1', {listener.port}))"))
                self.assertEqual(1, listener.arrivals())

    def test_name_that_does_not_resolve_stops_no_login(self):
        self.policy("net_allow = nowhere.test:80")
        self.assertEqual("ok", self.confined.python("answer('ok')"))
        self.log.wait("nowhere.test")

    def test_name_server_is_asked_inside_where_a_rule_names_a_host(self):
        server = NameServer("lookup.test", PUBLIC)
        self.addCleanup(server.close)
        allowed = self.listen(PUBLIC)
        self.policy(f"net_allow = lookup.test:{allowed.port}")
        said = self.confined.python(f"answer(tcp('lookup.test', {allowed.port}, socket.AF_INET))")
        self.assertEqual("ok", said)
        self.assertEqual(1, allowed.arrivals())

    def test_name_that_moved_keeps_its_old_address_for_a_while(self):
        subprocess.run(["ip", "addr", "add", "192.0.2.9/32", "dev", "lo"], check=True)
        self.addCleanup(subprocess.run, ["ip", "addr", "del", "192.0.2.9/32", "dev", "lo"],
                        check=True)
        server = NameServer("lookup.test", PUBLIC)
        self.addCleanup(server.close)
        old = self.listen(PUBLIC)
        new = self.listen("192.0.2.9", old.port)
        self.policy(f"net_allow = lookup.test:{old.port}")
        script = self.confined.write("ask.py", PROBE + f"""
for line in sys.stdin:
    answer(tcp(line.strip(), {old.port}))
""")
        login = subprocess.Popen(["su", "-", "alice", "-c", f"exec {PYTHON} -u {script}"], text=True,
                                 bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def connect(address):
            login.stdin.write(address + "\n")
            return json.loads(login.stdout.readline())

        self.assertEqual("ok", connect(PUBLIC))
        server.address = socket.inet_aton("192.0.2.9")
        time.sleep(1.2)  # it is asked at most once a second
        self.assertEqual("ok", connect("192.0.2.9"))
        self.assertEqual("ok", connect(PUBLIC))
        self.assertEqual("EACCES", connect("127.0.0.1"))
        login.stdin.close()
        login.wait()
        login.stdout.close()
        self.assertEqual((2, 1), (old.arrivals(), new.arrivals()))

    def test_getaddrinfo_sorts_as_bare_and_logs_no_denial(self):
        server = NameServer("lookup.test", PUBLIC)
        self.addCleanup(server.close)
        self.policy("net_allow = lookup.test:80")
        self.assertEqual([PUBLIC], self.both(lambda who: who.python(
            "answer([a[4][0] for a in socket.getaddrinfo('lookup.test', 80, 0, 1)])")))
        self.assertFalse([line for line in self.log.lines if "sandlock" in line
                          and "denied" in line])

    def test_dns_off_asks_no_name_server_inside(self):
        server = NameServer("lookup.test", PUBLIC)
        self.addCleanup(server.close)
        self.policy("net_allow = allowed.test:80", "dns = off")
        said = self.confined.python("""
try:
    socket.getaddrinfo("lookup.test", 80)
    answer("ok")
except socket.gaierror:
    answer("not found")
""")
        self.assertEqual("not found", said)
        self.assertNotIn("lookup.test", server.asked)


class Tester(NetworkTest):
    """sandlockctl test answers what the session does."""

    def ctl(self, *words):
        return call([PREFIX / "bin/sandlockctl", *words])

    def test_answers_agree_with_the_session(self):
        allowed, refused = self.listen(), self.listen()
        self.policy(f"net_allow = 127.0.0.1:{allowed.port}")
        for listener, word, status in ((allowed, "ok", 0), (refused, "EACCES", 1)):
            with self.subTest(word=word):
                done = self.ctl("test", "alice", f"tcp://127.0.0.1:{listener.port}")
                self.assertEqual(status, done.status, done)
                self.assertEqual(word, self.confined.python(
                    f"answer(tcp('127.0.0.1', {listener.port}))"))
        self.assertEqual(2, self.ctl("test", "alice", "no://sense").status)

    def test_check_accepts_the_installed_policies(self):
        self.policy("net_allow = 127.0.0.1:80")
        self.assertEqual(0, self.ctl("check").status)
        self.policy("net_allow = 127.0.0.1")
        done = self.ctl("check")
        self.assertEqual(1, done.status)
        self.assertIn("alice.conf:2:", done.out + done.err)
