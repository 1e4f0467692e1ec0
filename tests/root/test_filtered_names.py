# SPDX-License-Identifier: BSD-3-Clause
"""Look-ups of a session whose rules name hosts: answered in its private network namespace."""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import eventually
from machine import PUBLIC
from stage import STAGE
from test_pam import PamTest

MANY = 200  # addresses, which take TCP
CONFIGURATION = """
server:
    directory: "{directory}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: "log"
    log-queries: yes
    interface: {address}
    access-control: 0.0.0.0/0 allow
    local-zone: "test." static
    local-data: "git.example.test. 60 IN A {address}"
    local-data: "hidden.example.test. 60 IN A {address}"
""" + "".join(f'    local-data: "many.example.test. 60 IN A 203.0.113.{n}"\n'
              for n in range(1, MANY + 1))

LOOK = """
def look(name):
    start = time.monotonic()
    try:
        said = sorted({a[4][0] for a in socket.getaddrinfo(name, None, socket.AF_INET)})
    except socket.gaierror as error:
        said = error.errno
    return said if time.monotonic() - start < 4 else "late"
"""


class NameServer:
    """unbound at PUBLIC, which the machine asks; `asked` are the names that it was asked for."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="sandlock-unbound."))
        (self.directory / "conf").write_text(
            CONFIGURATION.format(directory=self.directory, address=PUBLIC))
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(["unbound", "-d", "-c", self.directory / "conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.resolv_conf = Path("/etc/resolv.conf")
        self.before = self.resolv_conf.read_text() if self.resolv_conf.exists() else ""
        self.resolv_conf.write_text(f"nameserver {PUBLIC}\noptions timeout:3\n")
        eventually(lambda: "start of service" in self.log(), "the name server serves")

    def log(self):
        try:
            return (self.directory / "log").read_text()
        except FileNotFoundError:
            return ""

    def asked(self):
        return {line.split()[4] for line in self.log().splitlines() if line.endswith(" IN")}

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.resolv_conf.write_text(self.before)
        shutil.rmtree(self.directory)


@unittest.skipUnless(shutil.which("unbound"), "unbound is not installed")
class FilteredNames(PamTest):
    def setUp(self):
        super().setUp()
        self.server = NameServer()
        self.addCleanup(self.server.close)
        self.listener = self.listen(PUBLIC)
        for name in ("alice", "dora"):
            STAGE.policy("[network]\n"
                         f"net_allow = git.example.test:{self.listener.port} many.example.test:443\n",
                         name)

    def test_covered_names_resolve_and_no_other_leaves(self):
        source = LOOK + f"""
said = [look(n) for n in ("git.example.test", "hidden.example.test", "secret.evil.test")]
answer(said + [tcp("git.example.test", {self.listener.port})])
"""
        for way, who in (("login shell", self.confined), ("pam", self.dora)):
            with self.subTest(way=way):
                self.assertEqual([[PUBLIC], -2, -2, "ok"], who.python(source))
            self.stack("su-l")
        self.assertEqual({"git.example.test.", "many.example.test."}, self.server.asked())

    def test_names_resolve_where_udp_answers(self):
        STAGE.policy(f"[network]\nnet_allow = git.example.test:{self.listener.port}\nudp_answer = 60000\n")
        self.assertEqual([[PUBLIC], "ok"], self.confined.python(LOOK + f"""
answer([look("git.example.test"), tcp("git.example.test", {self.listener.port})])"""))
        self.log.wait("dns = filtered is not available where a rule or udp_answer opens UDP")

    def test_session_inside_a_session_looks_up_by_the_outer_one(self):
        self.stack("su-l")
        for attempt in range(8):
            with self.subTest(attempt=attempt):
                self.assertEqual([PUBLIC],
                                 self.confined.python(LOOK + 'answer(look("git.example.test"))'))

    def test_long_answer_comes_by_tcp(self):
        self.assertEqual(MANY, self.confined.python(LOOK + 'answer(len(look("many.example.test")))'))

    def test_bytes_to_port_53_reach_no_server(self):
        said = self.confined.python(f"""
question = b"\\x12\\x34\\x01\\x00\\x00\\x01" + bytes(6) + b"\\x06secret\\x04evil\\x04test\\x00\\x00\\x01\\x00\\x01"
said = []
for kind, lead in ((socket.SOCK_DGRAM, b""), (socket.SOCK_STREAM, len(question).to_bytes(2, "big"))):
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(3)
        s.connect(("{PUBLIC}", 53))
        s.send(lead + question)
        said.append(s.recv(512)[len(lead) + 3] & 15)
answer(said)
""")
        self.assertEqual([3, 3], said)  # NXDOMAIN
        self.assertNotIn("secret.evil.test.", self.server.asked())

    def test_programs_find_covered_hosts(self):
        url = f"http://git.example.test:{self.listener.port}/"
        for command, wanted in (("getent hosts git.example.test", f"{PUBLIC}"),
                                ("dig +short git.example.test", f"{PUBLIC}"),
                                ("dig +tcp +short git.example.test", f"{PUBLIC}"),
                                (f"curl -s --http0.9 -m 5 {url}", "hello")):
            with self.subTest(command=command):
                self.assertIn(wanted, self.confined.su(command).out)

    def test_network_helper_killed_fails_look_ups_at_once(self):
        self.end_helper("sandlock-network")

    def test_resolver_killed_fails_look_ups_at_once(self):
        self.end_helper("sandlock-resolver")

    def end_helper(self, program):
        """A connection that is there goes on; nothing else opens."""
        go = self.confined.write("go", "")
        go.unlink()
        source = LOOK + f"""
first = look("git.example.test")
kept = socket.create_connection(("{PUBLIC}", {self.listener.port}))
open("ready", "w").close()
while not os.path.exists("go"):
    time.sleep(0.05)
said = [look("git.example.test") for n in range(12)][-1]
answer([first, said if isinstance(said, (str, list)) else "failed", kept.recv(5).decode(),
        tcp("{PUBLIC}", 53), tcp("{PUBLIC}", 9)])
"""
        ready = self.confined.home / "ready"
        self.addCleanup(ready.unlink, missing_ok=True)
        self.addCleanup(go.unlink, missing_ok=True)
        with ThreadPoolExecutor() as pool:
            session = pool.submit(self.confined.python, source)
            eventually(ready.exists, "the session is ready")
            for pid in self.confined.processes(program):
                os.kill(pid, signal.SIGKILL)
            go.touch()
            said = session.result()
        self.assertEqual([[PUBLIC], "failed", "hello"], said[:3])
        self.assertNotIn("ok", said[3:])
