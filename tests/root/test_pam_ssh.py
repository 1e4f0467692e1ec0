# SPDX-License-Identifier: BSD-3-Clause
"""OpenSSH's sshd with pam_sandlock: all that a connection can carry, as before and by the rules."""
import os
import socket
import struct
import subprocess
from pathlib import Path

from accounts import SSH_OPTIONS
from commands import PYTHON, call, eventually
from machine import PUBLIC
from stage import PREFIX, STAGE
from test_pam import FIRST, PamTest

SSH_PORT, FORCED_PORT, JAIL_PORT = 2203, 2204, 2205
JAIL = Path("/home/jail")
SSHD = f"""
Port {FORCED_PORT}
Port {JAIL_PORT}
KexAlgorithms curve25519-sha256
Subsystem inner internal-sftp
Match LocalPort {FORCED_PORT}
    ForceCommand exec /bin/dash -c "echo forced; $SSH_ORIGINAL_COMMAND"
Match LocalPort {JAIL_PORT}
    ForceCommand internal-sftp
    ChrootDirectory {JAIL}
Match all
    PasswordAuthentication yes
    KbdInteractiveAuthentication yes
    X11Forwarding yes
    MaxSessions 50
    AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys_%u
"""
PASSWORD = "correct horse"
FILES = "[policy]\ninclude = system\n[filesystem]\nwrite = %h\n"


def free_port():
    """One that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(port, host="127.0.0.1", said=b""):
    """What a server there says until it closes."""
    with socket.create_connection((host, port), timeout=10) as client:
        client.sendall(said)
        return drained(client)


def drained(client):
    text = b""
    try:
        while data := client.recv(4096):
            text += data
    except ConnectionResetError:
        pass
    return text.decode()


def supervisors():
    """The numbers of the supervisors that serve sessions of PAM."""
    return [int(entry.name) for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _runs(entry, "sandlock-supervisor")]


def _runs(entry, program):
    try:
        return Path(os.readlink(entry / "exe")).name == program
    except OSError:
        return False


class SshTest(PamTest):
    """Work is done first without the lines of the module, then with them."""

    port = SSH_PORT
    server = None

    def setUp(self):
        super().setUp()
        if not SshTest.server:
            SshTest.server = STAGE.sshd(SSH_PORT, "yes", SSHD)
        call(["cp", PREFIX / "share/doc/sandlock/examples/system.inc", STAGE.policies])
        self.addCleanup((STAGE.policies / "system.inc").unlink)

    @staticmethod
    def shared():
        """A directory that is open to all but named by no policy."""
        directory = Path("/home/shared")
        directory.mkdir(exist_ok=True)
        directory.chmod(0o1777)
        return directory

    def ssh_argv(self, *words, tty=False):
        return self.dora.ssh_argv(*words, port=self.port, tty=tty)

    def ssh(self, *words, **options):
        return call(self.ssh_argv(*words), **options)

    def confine(self, policy="", **stack):
        self.dora.end_processes()
        STAGE.policy(policy, "dora")
        self.stack("sshd", **{"first": FIRST, **stack})
        STAGE.log.clear()

    def as_before(self, work, policy=""):
        """`work()` says the same in both; returns it."""
        before = work()
        self.confine(policy)
        self.assertEqual(before, work())
        return before

    def background(self, *words, **options):
        """A client that goes with the test; it has said a first line."""
        # pylint: disable-next=consider-using-with
        client = subprocess.Popen(self.ssh_argv(*words), bufsize=0, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(self.end, client)
        # Without a buffer: what comes behind the line is for communicate().
        client.said = client.stdout.readline().decode()
        return client

    @staticmethod
    def end(client):
        client.kill()
        client.wait()
        for stream in (client.stdin, client.stdout, client.stderr):
            stream.close()

    def forwarding(self, *words):
        """A client whose forwards are in place; where they could not be, it has ended."""
        return self.background("-o", "ExitOnForwardFailure=yes", *words, "echo ready; exec cat")

    def two(self):
        """Live listeners: one that the policy names, and another."""
        return self.listen(PUBLIC), self.listen(PUBLIC)

    def assert_rules(self, work, listed, other, policy="", bare=("hello\n", "hello\n"),
                     refused=("hello\n", "")):
        """`work()` returns what it read of each: both bare, then one; `other` sees nobody."""
        self.assertEqual(bare, work())
        self.assertEqual((1, 1), (listed.arrivals(), other.arrivals()))
        self.confine(policy or f"[network]\nnet_allow = {PUBLIC}:{listed.port}\n")
        self.assertEqual(refused, work())
        self.assertEqual((1, 0), (listed.arrivals(), other.arrivals()))


class PasswordTest(SshTest):
    """dora has a password, and a program types it."""

    def setUp(self):
        super().setUp()
        self.dora.password(PASSWORD)
        self.addCleanup(call, ["usermod", "-p", "*", "dora"])
        self.asker = STAGE.directory / "asker"
        self.asker.write_text(f"#!/bin/sh\necho '{PASSWORD}'\n")
        self.asker.chmod(0o755)

    def log_in(self, way, command, *options):
        return call(["ssh", *options, "-o", f"PreferredAuthentications={way}", "-o", "BatchMode=no",
                     "-o", "NumberOfPasswordPrompts=1", *self.ssh_argv(command)[1:]],
                    env={**os.environ, "SSH_ASKPASS": str(self.asker),
                         "SSH_ASKPASS_REQUIRE": "force"})


class Authentication(PasswordTest):
    def reach(self, way):
        listed, other = self.two()
        command = "; ".join(f"cat </dev/tcp/{PUBLIC}/{port}" for port in (listed.port, other.port))
        def work():
            done = self.log_in(way, command + "; exit 7")
            self.assertEqual(7, done.status, done)
            return done.out
        self.assert_rules(work, listed, other, bare="hello\nhello\n", refused="hello\n")

    def test_password_login_reaches_what_the_policy_names(self):
        self.reach("password")

    def test_keyboard_interactive_login_reaches_listed_ports(self):
        self.reach("keyboard-interactive")

    def test_public_key_login_reaches_what_the_policy_names(self):
        self.reach("publickey")

    def test_wrong_password_is_refused(self):
        self.asker.write_text("#!/bin/sh\necho wrong\n")
        self.confine()
        self.assertEqual(255, self.log_in("password", "true").status)


def names(directory):
    """How a path is named on a command line."""
    return [str(directory / name) for name in ("listed", "other")]


def socks(port, host, target):
    """What `target` says through a SOCKS5 server, or the number of its refusal."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"\5\1\0")
        client.recv(2)
        client.sendall(b"\5\1\0\1" + socket.inet_aton(host) + struct.pack("!H", target))
        answer = client.recv(10)
        return drained(client) if answer[1:2] == b"\0" else answer[1:2].hex()


class Forwards(SshTest):
    """The user's process of sshd performs them, not a shell."""

    def through(self, *words):
        """What two servers say through forwards from two ports, which are put into `words`."""
        ports = free_port(), free_port()
        def work():
            client = self.forwarding(*(word.format(*ports) for word in words))
            self.assertEqual("ready\n", client.said)
            said = tuple(fetch(port) for port in ports)
            self.end(client)
            return said
        return work

    def test_local_forward_reaches_what_the_policy_names(self):
        listed, other = self.two()
        self.assert_rules(self.through(f"-L{{0}}:{PUBLIC}:{listed.port}",
                                       f"-L{{1}}:{PUBLIC}:{other.port}"), listed, other)
        self.log.wait(rf"denied user=dora .*destination={PUBLIC}:{other.port} rule=default")

    def test_dynamic_forward_reaches_what_the_policy_names(self):
        listed, other = self.two()
        port = free_port()
        def work():
            client = self.forwarding(f"-D{port}")
            said = tuple(socks(port, PUBLIC, there.port) for there in (listed, other))
            self.end(client)
            return said
        self.assert_rules(work, listed, other, refused=("hello\n", ""))

    def test_forward_of_standard_input_reaches_what_the_policy_names(self):
        listed, other = self.two()
        def work():
            return tuple(self.ssh("-W", f"{PUBLIC}:{there.port}").out for there in (listed, other))
        self.assert_rules(work, listed, other)

    def test_forward_to_a_unix_socket_reaches_what_the_policy_names(self):
        paths = [f"{STAGE.directory}/{name}" for name in ("listed", "other")]
        listed, other = (self.listen(path, family=socket.AF_UNIX) for path in paths)
        self.assert_rules(self.through(*(f"-L{{{n}}}:{path}" for n, path in enumerate(paths))),
                          listed, other, policy=f"[network]\nunix_allow = {paths[0]}\n")

    def test_remote_forward_listens_where_the_policy_lets_it(self):
        here = self.listen()
        listed, other = free_port(), free_port()
        def work(port):
            client = self.forwarding(f"-R{port}:127.0.0.1:{here.port}")
            said = fetch(port) if client.said else client.wait()
            self.end(client)
            return said
        self.assertEqual(["hello\n"] * 2, [work(port) for port in (listed, other)])
        self.confine(f"[network]\nnet_bind = {listed}\n")
        self.assertEqual(["hello\n", 255], [work(port) for port in (listed, other)])
        self.assertEqual(3, here.arrivals())

    def test_remote_forward_of_a_unix_socket_is_made_where_allowed(self):
        here = self.listen()
        listed, other = self.dora.home / "socket", self.shared() / "socket"
        def work(path):
            client = self.forwarding(f"-R{path}:127.0.0.1:{here.port}")
            said = client.wait() if not client.said else (
                path.stat().st_mode, path.owner(), self.unix(path))
            self.end(client)
            path.unlink(missing_ok=True)
            return said
        bare = [work(path) for path in (listed, other)]
        self.assertEqual("hello\n", bare[1][2])
        self.confine(FILES)
        self.assertEqual([bare[0], 255], [work(path) for path in (listed, other)])

    @staticmethod
    def unix(path):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            return drained(client)


class Files(SshTest):
    """sftp, by a program of its own and within sshd: by the rules of [filesystem]."""

    def setUp(self):
        super().setUp()
        self.shut = self.shared() / "shut"
        self.shut.write_text("shut\n")
        self.shut.chmod(0o666)
        self.dora.write("open", "open\n")

    def sftp(self, *words, commands, port=SSH_PORT):
        return call(["sftp", "-q", *words, *SSH_OPTIONS, "-i", STAGE.key, "-P", port, "-b", "-",
                     "dora@127.0.0.1"], stdin=commands)

    def transfer(self, *words, port=SSH_PORT, where=("", "/home/shared/")):
        """What `get` and `put` of one file in each place came to."""
        got = STAGE.directory / "got"
        def work():
            said = []
            for name in (f"{where[0]}open", f"{where[1]}shut"):
                got.unlink(missing_ok=True)
                done = self.sftp(*words, commands=f"get {name} {got}\nput {got} {name}.new\n",
                                 port=port)
                said += [done.status, got.read_text() if got.exists() else done.err]
            return said
        return work

    def check(self, work, shut):
        self.assertEqual([0, "open\n", 0, "shut\n"], work())
        (self.shared() / "shut.new").unlink(missing_ok=True)
        self.confine(FILES)
        said = work()
        self.assertEqual([0, "open\n", 1], said[:3])
        self.assertIn(shut, said[3])
        self.assertFalse((self.shared() / "shut.new").exists())

    def test_sftp_program_reads_and_writes_what_the_policy_names(self):
        self.check(self.transfer(), "Permission denied")

    def test_sftp_within_sshd_reads_and_writes_what_the_policy_names(self):
        self.check(self.transfer("-s", "inner"), "Permission denied")

    def test_sftp_in_a_chroot_reads_and_writes_what_the_policy_names(self):
        for name in ("listed", "shut"):
            (JAIL / name).mkdir(parents=True, exist_ok=True)
            os.chown(JAIL / name, self.dora.uid, self.dora.gid)
            (JAIL / name / ("open" if name == "listed" else "shut")).write_text(
                "open\n" if name == "listed" else "shut\n")
        work = self.transfer(port=JAIL_PORT, where=("/listed/", "/shut/"))
        self.assertEqual([0, "open\n", 0, "shut\n"], work())
        self.confine(f"{FILES}write.jail = {JAIL}/listed\n")
        said = work()
        self.assertEqual([0, "open\n", 1], said[:3])
        self.assertIn("Permission denied", said[3])


class Forced(SshTest):
    port = FORCED_PORT

    def test_forced_command_of_another_shell_reaches_listed_ports(self):
        listed, other = self.two()
        def work():
            done = self.ssh("; ".join(f"bash -c 'cat </dev/tcp/{PUBLIC}/{there.port}'"
                                      for there in (listed, other)))
            return done.out
        self.assert_rules(work, listed, other, bare="forced\nhello\nhello\n",
                          refused="forced\nhello\n")


class Jail(SshTest):
    port = JAIL_PORT

    def test_forward_from_a_chroot_reaches_what_the_policy_names(self):
        JAIL.mkdir(exist_ok=True)
        listed, other = self.two()
        def work():
            return tuple(self.ssh("-W", f"{PUBLIC}:{there.port}").out for there in (listed, other))
        self.assert_rules(work, listed, other)


class Multiplexed(SshTest):
    """One connection, several sessions and forwards at once: one process of sshd serves all."""

    def test_channels_of_one_connection_reach_what_the_policy_names(self):
        listed, other = self.two()
        socket_path = str(STAGE.directory / "master")
        port = free_port()
        def work():
            master = self.background("-M", "-S", socket_path, "echo ready; exec cat")
            command = (f"cat </dev/tcp/{PUBLIC}/{{}}; read line; echo $line; exit {{}}")
            channels = []
            for status, there in ((3, listed), (4, other)):
                channels.append(self.background("-S", socket_path,
                                                "echo in; " + command.format(there.port, status)))
            said = [channel.communicate(b"word\n")[0].decode() for channel in channels]
            statuses = [channel.returncode for channel in channels]
            inner = [self.ssh("-S", socket_path, "-s", "inner").status,
                     self.ssh("-S", socket_path, "exit 5").status]
            self.ssh("-S", socket_path, "-O", "forward", f"-L{port}:{PUBLIC}:{other.port}")
            through = fetch(port)
            self.end(master)
            os.unlink(socket_path)
            return said + [through], statuses + inner
        self.assertEqual((["hello\nword\n", "hello\nword\n", "hello\n"], [3, 4, 0, 5]), work())
        self.assertEqual((1, 2), (listed.arrivals(), other.arrivals()))
        self.confine(f"[network]\nnet_allow = {PUBLIC}:{listed.port}\n")
        self.assertEqual((["hello\nword\n", "word\n", ""], [3, 4, 0, 5]), work())
        self.assertEqual((1, 0), (listed.arrivals(), other.arrivals()))


class Agent(SshTest):
    def setUp(self):
        super().setUp()
        path = str(STAGE.directory / "agent")
        # pylint: disable-next=consider-using-with
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
        def end():
            agent.kill()
            agent.wait()
            Path(path).unlink()
        self.addCleanup(end)
        self.environment = {**os.environ, "SSH_AUTH_SOCK": path}
        eventually(lambda: call(["ssh-add", STAGE.key], env=self.environment).status == 0,
                   "the agent takes the key")

    def ask(self):
        return self.ssh("-A", "ssh-add -l | cut -d' ' -f1,3; [ -S $SSH_AUTH_SOCK ]; echo $?",
                        env=self.environment)

    def test_forwarded_agent_answers_as_before(self):
        self.assertRegex(self.as_before(self.ask).out, r"256 .*\n0\n")

    def test_forwarded_agent_answers_in_a_session_of_the_shell(self):
        STAGE.policy("")
        done = self.both(lambda who: who.ssh("-A", "ssh-add -l", env=self.environment))
        self.assertIn("256 ", done.out)

    def test_forwarded_agent_that_is_not_listed_is_silent(self):
        self.confine("[network]\nunix_allow = /run/nothing\n")
        done = self.ask()
        self.assertEqual("0\n", done.out)
        self.assertIn("Permission denied", done.err)


class Display(SshTest):
    """A client of ours speaks the first words of X11 through sshd to a display of ours."""

    CLIENT = f"""exec {PYTHON} - <<'END'
import os, socket, struct, subprocess
display = os.environ.get("DISPLAY", "")
if not display:
    raise SystemExit("no display")
cookie = bytes.fromhex(subprocess.check_output(["xauth", "list", display], text=True).split()[-1])
name = b"MIT-MAGIC-COOKIE-1"
host, number = display.split(":")
try:
    client = socket.create_connection(("127.0.0.1", 6000 + int(number.split(".")[0])), 10)
    client.sendall(struct.pack("<cxHHHHxx", b"l", 11, 0, len(name), len(cookie)) + name + b"\\0\\0"
                   + cookie)
    print(client.recv(100).decode().strip())
except OSError as error:
    print(error.strerror)
END"""

    def setUp(self):
        super().setUp()
        directory = Path("/tmp/.X11-unix")
        directory.mkdir(exist_ok=True)
        self.display = self.listen(str(directory / "X77"), family=socket.AF_UNIX)

    def draw(self):
        done = self.ssh("-Y", self.CLIENT, env={**os.environ, "DISPLAY": ":77"})
        return done.out.strip() or done.err.strip()

    def test_display_that_a_file_of_the_user_s_names_is_not_opened(self):
        """pam_env reads it, as Debian's file of sshd has it do; by the module, and by the shell."""
        command = (f"exec {PYTHON} -c 'import os, socket; print(os.environ[\"DISPLAY\"]); "
                   "socket.socket(socket.AF_UNIX).connect(\"/tmp/.X11-unix/X77\")'")
        opened = "[network]\nunix_allow = own x11\n"
        for who in (self.dora, self.confined):
            who.write(".pam_environment", "DISPLAY DEFAULT=:77\n")
            self.addCleanup((who.home / ".pam_environment").unlink)
        bare = self.ssh(command)
        self.assertEqual((0, ":77\n", 1), (bare.status, bare.out, self.display.arrivals()), bare)
        STAGE.policy(opened)
        shell = self.confined.ssh(command, port=SSH_PORT)
        self.assertEqual((1, ":77\n", 0), (shell.status, shell.out, self.display.arrivals()), shell)
        self.confine(opened)
        done = self.ssh(command)
        self.assertEqual((1, ":77\n", 0), (done.status, done.out, self.display.arrivals()), done)
        self.assertIn("Permission denied", done.err)

    def test_forwarded_display_with_listed_ports_is_reached(self):
        self.as_before(self.draw, "[network]\nnet_bind = 6010-6020\n"
                                  "net_allow = 127.0.0.1:6010-6020\n")
        self.assertEqual(2, self.display.arrivals())

    def test_display_is_not_forwarded_where_the_policy_names_no_port(self):
        self.assertEqual("hello", self.draw())
        self.confine()
        self.assertIn("no display", self.draw())
        self.assertEqual(1, self.display.arrivals())

    def test_forwarded_display_in_net_bind_alone_is_not_reached(self):
        self.confine("[network]\nnet_bind = 6010-6020\n")
        self.assertEqual("Permission denied", self.draw())
        self.assertEqual(0, self.display.arrivals())
