# SPDX-License-Identifier: BSD-3-Clause
"""Name servers for the tests: knot as the one that knows, unbound as the one that is asked, one of our own
that does what those never would; and the resolver of a session, with the supervisor's end in our hand.
"""
import ctypes
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from commands import eventually
from machine import PUBLIC, PUBLIC6
from stage import PREFIX, STAGE

LIBEXEC = PREFIX / "libexec/sandlock"
KNOT = "198.51.100.53"  # where the authoritative server is
A, NS, CNAME, SOA, PTR, TXT, AAAA, HTTPS = 1, 2, 5, 6, 12, 16, 28, 65

ZONES = {
    "corp.test": """
@ 60 SOA ns.corp.test. root.corp.test. 1 3600 600 86400 30
@ NS ns
ns A 198.51.100.53
@ A 203.0.113.1
git 300 A 203.0.113.10
git 300 AAAA 2001:db8:1::10
db 60 A 10.20.30.40
www 60 CNAME edge.cdn.test.
alias 60 CNAME www
lonely TXT "v"
loopback A 127.0.0.1
loopback AAAA ::1
mapped AAAA ::ffff:127.0.0.1
linklocal A 169.254.1.1
linklocal AAAA fe80::1
metadata A 169.254.169.254
nat64 AAAA 64:ff9b::7f00:1
sixtofour AAAA 2002:7f00:1::1
some A 127.0.0.1
some A 203.0.113.11
a.deep.wild A 203.0.113.12
b.wild A 203.0.113.13
web HTTPS 1 . alpn=h2 ipv4hint=203.0.113.99
web A 203.0.113.14
xn--mnchen-3ya A 203.0.113.15
""" + "".join(f"many A 203.0.113.{i}\nmany AAAA 2001:db8:2::{i:x}\n" for i in range(1, 241)),
    "cdn.test": """
@ 60 SOA ns.cdn.test. root.cdn.test. 1 3600 600 86400 30
@ NS ns
ns A 198.51.100.53
edge 20 CNAME pop.cdn.test.
pop 10 A 203.0.113.20
""",
    "113.0.203.in-addr.arpa": """
@ 60 SOA ns.corp.test. root.corp.test. 1 3600 600 86400 30
@ NS ns.corp.test.
10 PTR git.corp.test.
99 PTR hidden.corp.test.
""",
}


def text_of(address):
    """An address as the resolver reports it, IPv4 mapped."""
    return (socket.inet_ntoa(address[12:]) if address.startswith(bytes(10) + b"\xff\xff")
            else socket.inet_ntop(socket.AF_INET6, address))


class Real:
    """knot and unbound, in a directory of their own; unbound answers at PUBLIC and PUBLIC6."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="sandlock-dns."))
        self.directory.chmod(0o755)
        subprocess.run(["ip", "addr", "add", f"{KNOT}/32", "dev", "lo"], check=True)
        self.processes = [self._knot(), self._unbound()]
        eventually(self._answers, "unbound answers", 20)

    def _knot(self):
        zones = ""
        for name, text in ZONES.items():
            (self.directory / f"{name}.zone").write_text(f"$ORIGIN {name}.\n$TTL 60\n{text}")
            zones += f"  - domain: {name}\n    file: {self.directory}/{name}.zone\n"
        config = self.directory / "knot.conf"
        config.write_text(f"server:\n  listen: {KNOT}@53\n  rundir: {self.directory}\n"
                          f"database:\n  storage: {self.directory}/db\n"
                          f"log:\n  - target: {self.directory}/knot.log\n    any: error\n"
                          f"zone:\n{zones}")
        return self._start("knotd", "-c", config)

    def _unbound(self):
        stubs = "".join(f'stub-zone:\n  name: "{name}"\n  stub-addr: {KNOT}\n' for name in ZONES)
        config = self.directory / "unbound.conf"
        config.write_text(f"""
server:
  interface: {PUBLIC}
  interface: {PUBLIC6}
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  pidfile: ""
  directory: "{self.directory}"
  use-syslog: no
  logfile: "{self.directory}/unbound.log"
  log-queries: yes
  module-config: "iterator"
  do-not-query-localhost: no
  num-threads: 1
  local-zone: "test." nodefault
  local-zone: "corp.test." nodefault
  local-zone: "10.in-addr.arpa." nodefault
  local-zone: "113.0.203.in-addr.arpa." nodefault
remote-control:
  control-enable: no
{stubs}""")
        return self._start("unbound", "-d", "-c", config)

    def _start(self, program, *words):
        with open(self.directory / f"{program}.out", "wb") as out:
            # pylint: disable-next=consider-using-with
            return subprocess.Popen([f"/usr/sbin/{program}", *words], stdout=out, stderr=out)

    @staticmethod
    def _answers():
        done = subprocess.run(["dig", "+short", "+time=1", "+tries=1", f"@{PUBLIC}", "corp.test"],
                              capture_output=True, text=True, check=False)
        return "203.0.113.1" in done.stdout

    def asked(self):
        """What unbound was asked so far: (name, type)."""
        found = []
        for line in (self.directory / "unbound.log").read_text().splitlines():
            words = line.split()
            if "info:" in words and words[-1] == "IN":
                found.append((words[-3].rstrip(".").lower(), words[-2]))
        return found

    def close(self):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run(["ip", "addr", "del", f"{KNOT}/32", "dev", "lo"], check=True)


def labels_read(message, at):
    labels = []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]])
        at += message[at] + 1
    return b".".join(labels).decode(), at + 1


class Odd:
    """A server at `address` whose every answer is made by `behave(name, type, count)`: a list of records
    (type, ttl, data), a number for an rcode, bytes for a whole message, None for silence."""

    def __init__(self, behave, address=PUBLIC):
        self.behave, self.address, self.asked, self.ids = behave, address, [], []
        self.before = lambda query: []  # messages that come before the answer
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.tcp = socket.socket(family, socket.SOCK_STREAM)
        for one in (self.udp, self.tcp):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, 53))
        self.tcp.listen(16)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._udp, self._tcp)]
        for thread in self.threads:
            thread.start()

    def _answer(self, query):
        name, at = labels_read(query, 12)
        kind = struct.unpack(">H", query[at:at + 2])[0]
        self.asked.append((name, kind))
        self.ids.append(query[:2])
        said = self.behave(name.lower(), kind, len(self.asked))
        if said is None or isinstance(said, bytes):
            return said
        rcode, records = (said, []) if isinstance(said, int) else (0, said)
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, len(records), 0, 0)
        return head + query[12:at + 4] + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", number, 1, ttl, len(data)) + data
            for number, ttl, data in records)

    def _udp(self):
        while True:
            query, client = self.udp.recvfrom(4096)
            if not query:
                return
            said = self._answer(query)
            for message in self.before(query):
                self.udp.sendto(message, client)
            if said is not None:
                self.udp.sendto(said, client)

    def _tcp(self):
        while True:
            client, _ = self.tcp.accept()
            with client:
                length = client.recv(2)
                if not length:
                    return
                said = self._answer(client.recv(4096))
                if said is not None:
                    client.sendall(struct.pack(">H", len(said)) + said)

    def close(self):
        self.udp.sendto(b"", (self.address, 53))
        with socket.create_connection((self.address, 53)) as last:
            last.shutdown(socket.SHUT_WR)
            for thread in self.threads:
                thread.join()
        self.udp.close()
        self.tcp.close()


class PrivateNetwork:
    """A network namespace in which every address is local, as a session's look-ups have it, and the
    four sockets of the resolver in it."""

    def __init__(self):
        mine, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                mine.close()
                self._inside(theirs)
            finally:
                os._exit(1)
        theirs.close()
        _, self.sockets, _, _ = socket.recv_fds(mine, 1, 4)
        self.control = mine

    @staticmethod
    def _inside(control):
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.unshare(0x40000000) == 0
        for words in ("link set lo up", "route add local default dev lo",
                      "-6 route add local default dev lo"):
            subprocess.run(["ip", *words.split()], check=True)
        sockets = []
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            for family in (socket.AF_INET, socket.AF_INET6):
                one = socket.socket(family, kind)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET:
                    one.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
                else:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
                    one.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
                one.bind(("", 53))
                if kind == socket.SOCK_STREAM:
                    one.listen(16)
                sockets.append(one)
        socket.send_fds(control, [b"x"], [one.fileno() for one in sockets])
        control.recv(1)
        os._exit(0)

    def argv(self, *words):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *words]

    def run(self, *words, **options):
        return subprocess.run(self.argv(*words), capture_output=True, text=True, check=False,
                              timeout=40, **options)

    def close(self):
        self.control.close()
        os.waitpid(self.pid, 0)
        for fd in self.sockets:
            os.close(fd)


HEAD, ROW = struct.Struct("<BBBBII"), struct.Struct("<16sI")
ADDRESSES, DONE, REFRESH, LISTENERS = 1, 2, 3, 4


class Resolver:
    """sandlock-resolver with the plan of a policy; we are the supervisor."""

    def __init__(self, policy):
        path = STAGE.confined.write("names.conf", policy)
        plan = os.memfd_create("plan", os.MFD_ALLOW_SEALING)
        command = f'exec "$0" "$@" 3<&{plan}'
        done = self._run(["bash", "-c", command, LIBEXEC / "sandlock-planner", "--draft", path],
                         pass_fds=(plan,), stderr=subprocess.PIPE)
        _, said = done.communicate(timeout=20)
        assert done.returncode == 0, said
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = f'exec "$0" 3<&{plan} 4<&{theirs.fileno()}'
        self.process = self._run(["bash", "-c", command, LIBEXEC / "sandlock-resolver"],
                                 pass_fds=(plan, theirs.fileno()))
        theirs.close()
        os.close(plan)
        self.done = 0

    @staticmethod
    def _run(argv, **options):
        account = STAGE.confined
        return subprocess.Popen([str(word) for word in argv], user=account.uid, group=account.gid,
                                extra_groups=[], cwd="/", env={}, stdin=subprocess.DEVNULL, **options)

    def told(self, wait=0.0):
        """The addresses that it has reported since the last call: [(host, address, ttl, listed)]."""
        found, end = [], time.monotonic() + wait
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.0) or 1e-6)
            try:
                message = self.socket.recv(65536)
            except (socket.timeout, BlockingIOError):
                return found
            version, kind, listed, _, host, count = HEAD.unpack_from(message)
            assert version == 2 and len(message) == HEAD.size + count * ROW.size
            self.done += kind == DONE
            for i in range(count):
                address, ttl = ROW.unpack_from(message, HEAD.size + i * ROW.size)
                found.append((host, text_of(address), ttl, bool(listed)))

    def first(self, seconds=10):
        """What it reports of its own before it has asked all names once."""
        found, end, before = [], time.monotonic() + seconds, self.done
        while self.done == before:
            assert time.monotonic() < end, found
            found += self.told(0.05)
        return found

    def refresh(self, missed="0.0.0.0"):
        mapped = bytes(10) + b"\xff\xff" + socket.inet_aton(missed)
        self.socket.send(struct.pack("<BBH16s", 2, REFRESH, 0, mapped))

    def listen(self, sockets):
        socket.send_fds(self.socket, [struct.pack("<BBH16s", 2, LISTENERS, 0, bytes(16))], sockets)
        time.sleep(0.1)

    def close(self):
        self.socket.close()
        self.process.wait(timeout=10)
