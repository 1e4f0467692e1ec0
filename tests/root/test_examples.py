# SPDX-License-Identifier: BSD-3-Clause
"""The shipped examples, each tried over a real sshd: what its comments promise, and their neighbours."""
import socket
import subprocess
from pathlib import Path

from commands import call
from session_test import SessionTest
from stage import PREFIX, STAGE

EXAMPLES = PREFIX / "share/doc/sandlock/examples"


class Example(SessionTest):
    """The policy `NAME` of the examples is alice's, with the fragments beside it."""

    def install(self, name, **replacements):
        for fragment in EXAMPLES.glob("*.inc"):
            call(["cp", fragment, STAGE.policies])
            self.addCleanup((STAGE.policies / fragment.name).unlink, missing_ok=True)
        text = (EXAMPLES / name).read_text()
        for old, new in replacements.items():
            text = text.replace(old, new)
        STAGE.policy(text)

    def address(self, address, *names):
        """The machine has `address` for the time of the test, and it has `names`."""
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        self.addCleanup(subprocess.run, ["ip", "addr", "del", f"{address}/32", "dev", "lo"],
                        check=True)
        hosts = Path("/etc/hosts")
        before = hosts.read_text()
        hosts.write_text(before + f"{address} {' '.join(names)}\n" * bool(names))
        self.addCleanup(hosts.write_text, before)

    def reached(self, *places):
        """Which (host, port) a login over ssh reaches, by the shell's own connect."""
        script = "; ".join(f"(exec 3<>/dev/tcp/{host}/{port}) 2>/dev/null && echo {host}:{port}"
                           for host, port in places)
        done = self.confined.ssh(f"{script}; true")
        self.assertEqual(0, done.status, done)
        return done.out.split()


class Fragments(Example):
    """The programs that the lines of the fragments name, under every policy that includes them."""

    EVERYDAY = ("dpkg -l bash", "apt list --installed bash", "man -k ls", "! command -v last || last",
                "id", "ps -e", "df /", "echo hello | aspell list", "getent passwd alice", "mktemp",
                "tty || true", "git --version", "script -qc true /dev/null", "sort /etc/passwd",
                "lscpu", "locale", "ls /usr /etc /tmp")

    def run_all(self, commands):
        """Each command, over one login: which of them failed, and what they said."""
        return self.confined.ssh(self.script(commands)).out

    @staticmethod
    def script(commands):
        return "".join(f"out=$( ({command}) 2>&1 </dev/null) || echo '{command}:' $out\n"
                       for command in commands)

    def test_everyday_programs_work_under_every_policy_with_files(self):
        Path("/var/log/wtmp").touch()
        bare = self.bare.ssh(self.script(self.EVERYDAY))
        self.assertEqual("", bare.out, bare)
        for name in ("contractor.conf", "backup.conf"):
            self.install(name)
            (self.confined.home / "incoming").mkdir(exist_ok=True)
            self.assertEqual("", self.run_all(self.EVERYDAY), name)

    def test_missing_paths_of_fragments_are_nobodys_concern(self):
        self.install("contractor.conf")
        self.log.clear()
        self.assertEqual(0, self.confined.ssh("true").status)
        self.assertEqual([], [line for line in self.log.lines if "does not exist" in line])

    def test_developer_executes_what_was_just_built(self):
        script = ("printf 'int main(void) { return 0; }' >/tmp/built.c && gcc -o /tmp/built /tmp/built.c;"
                  " /tmp/built && echo ran; rm -f /tmp/built /tmp/built.c")
        self.install("contractor.conf")
        self.assertNotIn("ran", self.confined.ssh(script).out)
        STAGE.policy("[policy]\ninclude = system developer\n")
        self.assertEqual("ran\n", self.confined.ssh(script).out)
        self.assertEqual("ran\n", self.confined.ssh(script.replace("/tmp", "$HOME")).out)


class Contractor(Example):
    def setUp(self):
        super().setUp()
        self.address("192.0.2.40", "git.example.com")
        self.address("192.0.2.15")
        self.install("contractor.conf")
        self.git, self.git_other = (self.listen("192.0.2.40", port) for port in (443, 8443))
        self.base, self.base_other = (self.listen("192.0.2.15", port) for port in (5432, 443))

    def test_git_server_and_database_are_reached_and_nothing_else(self):
        places = [("git.example.com", 443), ("git.example.com", 8443), ("192.0.2.15", 5432),
                  ("192.0.2.15", 443), ("127.0.0.1", 2201)]
        self.assertEqual(["git.example.com:443", "192.0.2.15:5432"], self.reached(*places))
        self.assertEqual((1, 0, 1, 0), tuple(listener.arrivals() for listener in (
            self.git, self.git_other, self.base, self.base_other)))

    def test_home_is_his_and_the_rest_is_not(self):
        done = self.confined.ssh("echo x > kept && cat kept; cp /bin/true mine && ./mine && echo ran;"
                                 " ls /etc/hostname /opt; echo x > /var/tmp/x && rm /var/tmp/x; ulimit -c")
        self.assertEqual(["x", "ran", "/etc/hostname", "0"], done.out.split())
        self.assertIn("/opt", done.err)


class Students(Example):
    def test_loopback_from_port_1024_up_and_nothing_else(self):
        self.install("@students.conf")
        inside = self.confined.python("""
import threading
def serve(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", port))
        s.listen()
        threading.Thread(target=lambda: s.accept()[0].close()).start()
        result = tcp("127.0.0.1", port)
        time.sleep(0.1)
        return result
def datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("127.0.0.1", port))
answer([serve(8000), attempt(serve, 80), attempt(datagram, 8000), attempt(datagram, 53)])""")
        self.assertEqual(["ok", "EACCES", "ok", "EACCES"], inside)
        low, far = self.listen("127.0.0.1", 81), self.listen("192.0.2.1", 8000)
        self.assertEqual([], self.reached(("127.0.0.1", 81), ("192.0.2.1", 8000)))
        self.assertEqual((0, 0), (low.arrivals(), far.arrivals()))


class Backup(Example):
    def test_rsync_delivers_and_nothing_leaves(self):
        self.install("backup.conf")
        server = self.listen()
        (self.confined.home / "incoming").mkdir(exist_ok=True)
        call(["chown", "alice", self.confined.home / "incoming"])
        self.bare.write("file", "kept safe")
        done = call(["rsync", "-e", " ".join(self.confined.ssh_argv()[:-1]), self.bare.home / "file",
                     "alice@127.0.0.1:incoming/"])
        self.assertEqual(0, done.status, done)
        self.assertEqual("kept safe", (self.confined.home / "incoming/file").read_text())
        self.assertNotEqual(0, self.confined.ssh("echo x > elsewhere").status)
        self.assertEqual([], self.reached(("127.0.0.1", server.port)))
        self.assertEqual(0, server.arrivals())


class Team(Example):
    def test_fragment_is_shared_and_the_own_line_is_not(self):
        self.address("192.0.2.50", "www.example.com", "staging.example.com")
        self.address("192.0.2.20")
        listeners = [self.listen("192.0.2.50", 443), self.listen("192.0.2.20", 5432)]
        places = [("www.example.com", 443), ("192.0.2.20", 5432), ("www.example.com", 80)]
        for name, reached in (("anna.conf", places[:2]), ("bert.conf", places[:1])):
            self.install(name)
            self.assertEqual([f"{host}:{port}" for host, port in reached], self.reached(*places))
            self.assertEqual([place in reached for place in places[:2]],
                             [listener.arrivals() == 1 for listener in listeners])


class Default(Example):
    def test_nothing_leaves_and_local_work_goes_on(self):
        self.install("default.conf")
        server = self.listen()
        self.assertEqual([], self.reached(("127.0.0.1", server.port)))
        self.assertEqual(0, server.arrivals())
        self.assertEqual("alice\n", self.confined.ssh("whoami; ls /etc >/dev/null").out)


class Display(SessionTest):
    def test_display_of_the_session_is_opened_by_x11_alone(self):
        directory = Path("/tmp/.X11-unix")
        directory.mkdir(exist_ok=True)
        display = self.listen(str(directory / "X7"), family=socket.AF_UNIX)
        other = self.listen(str(directory / "X8"), family=socket.AF_UNIX)
        source = "exec env DISPLAY=:7 {} -c '{}'".format(
            STAGE.shell, "/usr/bin/python3 ~/probe.py")
        self.confined.write("probe.py", """import socket
for name in ("X7", "X8"):
    try:
        socket.socket(socket.AF_UNIX).connect("/tmp/.X11-unix/" + name)
        print(name)
    except OSError as error:
        print(error.errno)
""")
        STAGE.policy("[network]\nunix_allow = own x11\n")
        done = self.confined.run(["sh", "-c", source])
        self.assertEqual(["X7", "13"], done.out.split(), done)
        self.assertEqual((1, 0), (display.arrivals(), other.arrivals()))
        STAGE.policy("[network]\n")
        self.assertEqual(["13", "13"], self.confined.run(["sh", "-c", source]).out.split())
        self.assertEqual((0, 0), (display.arrivals(), other.arrivals()))
