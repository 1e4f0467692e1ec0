# SPDX-License-Identifier: BSD-3-Clause
"""The stage for the live and root tests: users, sshd, terminals, listeners, the log.

Called by run.py, which loads the tests first. As root all of it lives on a private machine
(machine.py); without root only the live tests run, on the machine as it is.
"""
import itertools
import json
import os
import pty
import pwd
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
from fcntl import ioctl
from pathlib import Path

from machine import PUBLIC, PUBLIC6, run_private

# A hang is a failure, not a wait.
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "0"))  # more than is tried otherwise, for so long
SUITE_SECONDS = {"live": 420, "kiosk": 300, "root": 1800 + SOAK_SECONDS,
                 "suites": 7200}
PATIENCE = int(os.environ.get("SANDLOCK_PATIENCE", "1"))  # how much slower than others we are
CALL_SECONDS = 30  # one command
PYTHON = "/usr/bin/python3"
PREFIX = Path("/opt/sandlock-test")
# Read now: on the private machine the sources may be out of sight.
SERVICE_USER = (Path(__file__).parent.parent / "packaging/service-user").read_text()


# Accounts ----------------------------------------------------------------------------------------

SSH_OPTIONS = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
               "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes")
PLAIN_PORT, PAM_PORT = 2201, 2202  # sshd without and with UsePAM
# Of a run alone: the kernel counts the processes of a uid on the whole machine, for RLIMIT_NPROC.
UIDS = itertools.count(20001 + 100 * (os.getpid() % 400))


class Account:
    """A throw-away user; `shell` is the login shell."""

    def __init__(self, name, shell, key):
        subprocess.run(["useradd", "-m", "-k", "/nonexistent", "-s", str(shell), "-p", "*",
                        "-u", str(next(UIDS)), name], check=True, capture_output=True)
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid = name, entry.pw_uid, entry.pw_gid
        self.home, self.shell = Path(entry.pw_dir), str(shell)
        self.write(".bash_profile", ". ~/.bashrc\n")
        self.write(".bashrc", "case $- in *i*) PS1='ready> '; HISTFILE=;; esac\n")
        self.write(".screenrc", "startup_message off\n")
        if key:
            self.write(".ssh/id_ed25519", key.read_text(), 0o600)
            self.write(".ssh/authorized_keys", key.with_suffix(".pub").read_text(), 0o600)
            self.write(".ssh/config", "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
                                      "LogLevel ERROR\n", 0o600)
            self.write(".gitconfig", f"[user]\nname = {name}\nemail = {name}@test\n"
                                     "[init]\ndefaultBranch = main\n")

    def write(self, name, text, mode=0o644):
        path = self.home / name
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            os.chown(path.parent, self.uid, self.gid)
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, self.uid, self.gid)
        return path

    def password(self, text):
        subprocess.run(["chpasswd", "-c", "SHA512"], input=f"{self.name}:{text}\n", text=True,
                       check=True)

    def run(self, argv, **options):
        """A process of this user that no login shell has started: it is not confined."""
        options = {"cwd": self.home, "env": {**os.environ, "HOME": str(self.home)}, **options}
        return call(argv, user=self.uid, group=self.gid, extra_groups=[], **options)

    def su(self, command, **options):
        """A login by su, the fastest way in; `command` is read by the login shell."""
        return call(["su", "-", self.name, "-c", command], **options)

    def python(self, source, **options):
        """What `source` prints, as JSON, run in a login; a failure there is one here."""
        done = self.su(f"exec {PYTHON} -", stdin=PROBE + source, **options)
        if done.status != 0 or done.err:
            raise AssertionError(f"status {done.status}: {done.err}")
        return json.loads(done.out)

    def ssh_argv(self, *words, port=None, tty=False):
        return ["ssh", *SSH_OPTIONS, "-i", str(STAGE.key), "-p", str(port or PLAIN_PORT),
                *(["-tt"] if tty else []), f"{self.name}@127.0.0.1", *words]

    def ssh(self, *words, port=None, **options):
        return call(self.ssh_argv(*words, port=port), **options)

    def processes(self, program=None):
        """The numbers of this user's processes, of those that run `program` where it is named."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                status = (entry / "status").read_text() if entry.name.isdigit() else ""
                uid = re.search(r"^Uid:\s+(\d+)", status, re.M)
                alive = uid and int(uid.group(1)) == self.uid and "State:\tZ" not in status
                if alive and program in (None, Path(os.readlink(entry / "exe")).name):
                    found.append(int(entry.name))
            except OSError:
                pass
        return found

    def foreground(self, program):
        """True once `program` sleeps in the foreground of its terminal: now a key may be pressed."""
        for pid in self.processes(program):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            state, _, group, _, _, terminal_group = stat.rpartition(")")[2].split()[:6]
            if state == "S" and group == terminal_group:
                return True
        return False

    def end_processes(self):
        def ended():
            for pid in (left := self.processes()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not left
        eventually(ended, f"processes of {self.name} end")


def become(name):
    """This process, all its threads, is the user from here on."""
    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ["HOME"] = entry.pw_dir
    os.chdir(entry.pw_dir)


# What a probe inside a session may use; each answer is "ok" or the name of the errno.
PROBE = """
import errno, json, os, signal, socket, subprocess, sys, time
def attempt(call, *words):
    try:
        call(*words)
        return "ok"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
def tcp(host, port, family=None):
    family = family or (socket.AF_INET6 if ":" in host else socket.AF_INET)
    with socket.socket(family) as s:
        s.settimeout(10)
        return attempt(s.connect, (host, port))
def unix(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as s:
        return attempt(s.connect, path)
def answer(value):
    print(json.dumps(value))
"""


# Programs of probes/*.c. Read now: on the private machine the sources may be out of sight.
SOURCES = {path.name: path.read_text()
           for path in (Path(__file__).parent / "root/probes").glob("*.[ch]")}


def compiled(name, *libraries):
    """The program of probes/`name`.c, made when it is first asked for."""
    program = STAGE.directory / name
    if not program.exists():
        for source, text in SOURCES.items():
            (STAGE.directory / source).write_text(text)
        subprocess.run(["cc", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-pthread", "-o", program,
                        program.with_suffix(".c"), *libraries], check=True)
    return program


# Commands and terminals --------------------------------------------------------------------------

class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __eq__(self, other):
        return (self.status, self.out, self.err) == (other.status, other.out, other.err)

    def __repr__(self):
        return f"status {self.status}, stdout {self.out!r}, stderr {self.err!r}"


def call(argv, stdin="", timeout=CALL_SECONDS, **options):
    done = subprocess.run([str(word) for word in argv], input=stdin.encode(), capture_output=True,
                          timeout=timeout * PATIENCE, check=False, **options)
    return Done(done.returncode, done.stdout.decode(errors="replace"),
                done.stderr.decode(errors="replace"))


def eventually(condition, what, timeout=10):
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.02)


class Terminal:
    """A program on a pseudo terminal of its own, spoken to as a person would."""

    def __init__(self, argv, rows=24, columns=80, **environment):
        self.text, self.status = "", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "dumb", **environment})
        self.resize(rows, columns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def resize(self, rows, columns):
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.fd, text.encode())

    def _read(self, timeout):
        """False at the end of what the program writes."""
        if select.select([self.fd], [], [], timeout)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            self.text += data.decode(errors="replace")
            return bool(data)
        return True

    def expect(self, pattern, timeout=10):
        end = time.monotonic() + timeout * PATIENCE
        while not (match := re.search(pattern, self.text)):
            if time.monotonic() > end or not self._read(0.1):
                raise AssertionError(f"expected {pattern!r} on the terminal, got {self.text!r}")
        self.text = self.text[match.end():]
        return match

    def ask(self, command, pattern=r"(.*?)", timeout=10):
        """Types `command`; what it answered before the next prompt."""
        self.send(command + "\r")
        self.expect(r"\n")
        return self.expect(r"(?s)" + pattern + r"\r?\nready> ", timeout).group(1)

    def wait(self, timeout=10):
        """The exit status once the program has ended, as a shell would write it."""
        end = time.monotonic() + timeout * PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
            elif time.monotonic() > end:
                raise AssertionError(f"still runs, wrote {self.text!r}")
            else:
                self._read(0.05)
        return self.status

    def close(self):
        """Hangs up."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(self.pid, 0)
            self.status = -1


# Listeners ---------------------------------------------------------------------------------------

class Listener:
    """A live server that remembers who came; greets and closes.

    `said` first comes itself and waits until it is seen, so that whoever was before is too.
    """

    def __init__(self, address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        self.socket = socket.socket(family, kind)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.address, self.family, self.kind = self.socket.getsockname(), family, kind
        self.came, self.lock = [], threading.Lock()
        if family == socket.AF_UNIX and not address.startswith("\0"):
            os.chmod(address, 0o777)
        if kind != socket.SOCK_DGRAM:
            self.socket.listen(64)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.address[1]

    def _serve(self):
        while True:
            try:
                if self.kind == socket.SOCK_DGRAM:
                    token = self.socket.recv(65536)
                else:
                    client, _ = self.socket.accept()
                    with client:
                        client.settimeout(5)
                        try:
                            client.sendall(b"hello\n")
                            client.shutdown(socket.SHUT_WR)
                        except OSError:
                            pass  # gone, but what it said is still there
                        token = client.recv(65536)
            except socket.timeout:
                token = b""
            except OSError:
                if self.socket.fileno() < 0:
                    return
                token = b""
            with self.lock:
                self.came.append(token)

    def arrivals(self):
        """How many came since the last call."""
        return len(self.said())

    def said(self):
        """What they said who came since the last call, without our own."""
        token = os.urandom(8)
        with socket.socket(self.family, self.kind) as client:
            client.connect(self.address)
            client.sendall(token)
            if self.kind != socket.SOCK_DGRAM:
                client.shutdown(socket.SHUT_WR)
            eventually(lambda: token in self.came, "the listener sees us")
        with self.lock:
            count = self.came.index(token)
            said = self.came[:count]
            del self.came[:count + 1]
        return said

    def close(self):
        if self.socket.fileno() < 0:
            return
        # Until the thread's call has returned, close alone would leave the name taken.
        wakes = self.kind != socket.SOCK_DGRAM or self.family == socket.AF_UNIX
        if wakes:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if wakes:
            self.thread.join(10)
        if self.family == socket.AF_UNIX and not self.address.startswith(("\0", b"\0")[
                isinstance(self.address, bytes)]):
            os.unlink(self.address)


class Log:
    """Stands in for the system's log daemon and keeps the lines."""

    def __init__(self, path="/dev/log"):
        self.lines = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.path = path
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        os.unlink(self.path)

    def _serve(self):
        while True:
            self.lines.append(self.socket.recv(65536).decode(errors="replace"))

    def clear(self):
        self.lines.clear()

    def wait(self, pattern, timeout=5):
        try:
            return eventually(lambda: next((line for line in self.lines
                                            if "sandlock" in line and re.search(pattern, line)),
                                           None), pattern, timeout)
        except AssertionError:
            raise AssertionError(f"no line matches {pattern!r} in the log:\n  "
                                 + "\n  ".join(self.lines)) from None


# The stage ---------------------------------------------------------------------------------------

SSHD_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
ListenAddress {public}
HostKey {key}
PidFile none
UsePAM {pam}
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv LD_* GLIBC_TUNABLES
MaxStartups 1000
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
{more}
"""


class Stage:
    """What every test of a suite shares; it ends with the private machine."""

    def __init__(self):
        self.shell = self.policies = self.directory = self.key = None
        self.log = self.bare = self.confined = None

    def open(self, suite):
        self.log = Log()
        if suite == "live":
            Account("live", "/bin/bash", None)
            become("live")
            return
        self.shell = PREFIX / "bin/sandlock-shell"
        self.policies = PREFIX / "etc/sandlock/policy.d"
        self.prepare()
        self.bare = Account("bare", "/bin/bash", self.key)
        self.confined = Account("alice", self.shell, self.key)
        self.sshd(PLAIN_PORT, "no")
        self.sshd(PAM_PORT, "yes")

    def prepare(self):
        """What is there before anybody is: the service user, a key, room for files."""
        self.directory = Path(tempfile.mkdtemp(prefix="sandlock-stage."))
        self.directory.chmod(0o755)
        self.key = self.directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        subprocess.run(["sh", "-s", "add"], input=SERVICE_USER, text=True, check=True)

    def sshd(self, port, pam, more=""):
        """A server; `more` are lines of its configuration."""
        config = self.directory / f"sshd-{port}.conf"
        config.write_text(SSHD_CONFIG.format(port=port, pam=pam, key=self.key, public=PUBLIC,
                                             more=more))
        with open(self.directory / f"sshd-{port}.log", "wb") as log:
            # pylint: disable-next=consider-using-with
            server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", config], stderr=log,
                                      stdin=subprocess.DEVNULL, stdout=log)
        eventually(lambda: not connect_ex(("127.0.0.1", port)), f"sshd listens on {port}")
        return server

    def policy(self, text, name="alice"):
        """Writes the policy of `name`; None: there is none."""
        path = self.policies / f"{name}.conf"
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text)
        return path


STAGE = Stage()


def connect_ex(address):
    with socket.socket() as probe:
        return probe.connect_ex(address)


def ctl():
    return PREFIX / "bin/sandlockctl"


def listen(test, address="127.0.0.1", port=0, **options):
    """A live listener that goes with the test."""
    if ":" in address:
        options.setdefault("family", socket.AF_INET6)
    where = address if options.get("family") == socket.AF_UNIX else (address, port)
    listener = Listener(where, **options)
    test.addCleanup(listener.close)
    return listener


def full_queue(test):
    """The port of a listener on loopback whose queue is full: a connect to it waits."""
    full = socket.socket()
    test.addCleanup(full.close)
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    for _ in range(4):
        filler = socket.socket()
        test.addCleanup(filler.close)
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    return full.getsockname()[1]


class SessionTest(unittest.TestCase):
    """A test of logins; POLICY is alice's while it runs."""

    POLICY = ""

    def setUp(self):
        self.bare, self.confined, self.log = STAGE.bare, STAGE.confined, STAGE.log
        STAGE.policy(self.POLICY)
        self.log.clear()
        self.addCleanup(self._leave)

    def _leave(self):
        for account in (self.bare, self.confined):
            account.end_processes()
        STAGE.policy(None)

    listen = listen

    def both(self, work):
        """`work(account)` bare, then confined: the second must be as the first. Returns it."""
        expected = work(self.bare)
        STAGE.log.clear()
        got = work(self.confined)
        text = json.dumps(expected, default=repr)
        for mine, theirs in ((self.bare.name, self.confined.name),
                             (self.bare.uid, self.confined.uid)):
            text = re.sub(rf"\b{mine}\b", str(theirs), text)
        plain = json.loads(text)
        self.assertEqual(plain, json.loads(json.dumps(got, default=repr)))
        return expected


class DraftTest(unittest.TestCase):
    """A test of `sandlockctl run FILE -- …` by whoever runs the tests, who is not root."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="sandlock-live.")
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)

    listen = listen

    def draft(self, policy):
        path = self.directory / "draft.conf"
        path.write_text(policy)
        path.chmod(0o644)
        return path

    def argv(self, policy, *words):
        return [str(ctl()), "run", str(self.draft(policy)), "--", *words]

    def run_draft(self, *words, policy="", **options):
        return call(self.argv(policy, *words), **options)

    def probe(self, source):
        return PROBE + source

    def python(self, source, policy=""):
        done = self.run_draft(PYTHON, "-", policy=policy, stdin=PROBE + source)
        if done.status != 0:
            raise AssertionError(f"status {done.status}: {done.err}")
        return json.loads(done.out)


# The way in --------------------------------------------------------------------------------------

def run(name, prefix, installed, body):
    """Runs `body` on the stage that suite `name` needs and returns what it returned.

    `installed` is the DESTDIR below which `prefix` stands; without root it is unused.
    """
    global PREFIX
    PREFIX = Path(prefix)
    if os.geteuid() != 0:
        if name == "root":
            sys.exit("the root suite needs root")
        return body()

    def work():
        STAGE.open(name)
        return body()

    line = run_private(installed, work, SUITE_SECONDS[name] * PATIENCE)
    return line or "0 passed, 1 failed, 0 skipped"
