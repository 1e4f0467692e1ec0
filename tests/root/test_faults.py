# SPDX-License-Identifier: BSD-3-Clause
"""Faults and load, in the middle of serving and at every step of the start: never a wrong answer.

The supervisor's own calls are made to fail from outside, by its limits and by strace(1); what the
policy refuses stays refused, nobody hangs, and afterwards everything is as it was before.
"""
import collections
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, call, eventually
from faults import KILL, NEVER_FAIL, THOROUGH, Faulty, sample
from listeners import full_queue
from machine import PUBLIC
from session_test import SessionTest
from stage import STAGE, probe_program

# Each line on stdin is a round: every operation once, and what it came to.
WORKER = PROBE + """
import array, tempfile
def datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return attempt(s.sendto, b"x", ("127.0.0.1", port))
def message(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return attempt(s.sendmsg, [b"x"], [], 0, ("127.0.0.1", port))
def associated(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return attempt(s.connect, ("127.0.0.1", port))
def descriptor():
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        said = attempt(socket.send_fds, one, [b"x"], [0])
        if said == "ok":
            for fd in socket.recv_fds(two, 1, 1)[1]:
                os.close(fd)
        return said
def serve():
    path = tempfile.mktemp(dir=os.environ["HOME"])
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        said = attempt(server.bind, path)
        if said == "ok":
            said = attempt(server.listen)
        if said == "ok":
            said = attempt(client.connect, path)
        if os.path.exists(path):
            os.unlink(path)
        return said
def bound(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return attempt(s.bind, ("127.0.0.1", port))
EVERY = {
    "connect allowed": lambda: tcp("127.0.0.1", ALLOWED),
    "connect refused": lambda: tcp("127.0.0.1", REFUSED),
    "connect any refused": lambda: tcp("0.0.0.0", REFUSED),
    "connect ipv6 refused": lambda: tcp("::1", REFUSED),
    "sendto allowed": lambda: datagram(ALLOWED),
    "sendto refused": lambda: datagram(REFUSED),
    "sendmsg allowed": lambda: message(ALLOWED),
    "sendmsg refused": lambda: message(REFUSED),
    "associate allowed": lambda: associated(ALLOWED),
    "associate refused": lambda: associated(REFUSED),
    "pass a descriptor allowed": descriptor,
    "serve and connect allowed": serve,
    "unix refused": lambda: unix("/tmp/foreign.faults"),
    "abstract refused": lambda: unix("\\0foreign.faults"),
    "bind allowed": lambda: bound(0),
    "bind refused": lambda: bound(REFUSED + 1),
}
for line in sys.stdin:
    answer({name: work() for name, work in EVERY.items()})
    sys.stdout.flush()
"""


class Login:
    """A login whose program answers each line, and its supervisor as seen from outside."""

    def __init__(self, test, who, command):
        before = set(who.processes("sandlock-supervisor"))
        self.login = subprocess.Popen(["su", "-", who.name, "-c", f"exec {command}"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        for cleanup in (self.login.wait, self.login.stdout.close, self.login.stdin.close,
                        who.end_processes):
            test.addCleanup(cleanup)
        self.first = self.ask()
        (self.supervisor,) = set(who.processes("sandlock-supervisor")) - before

    def ask(self):
        self.login.stdin.write("\n")
        self.login.stdin.flush()
        if not select.select([self.login.stdout], [], [], 10)[0]:
            raise AssertionError("a call was never answered")
        return self.login.stdout.readline()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.supervisor}/fd"))

    def size(self):
        return Path(f"/proc/{self.supervisor}/statm").read_text().split()[0]


class Serving(SessionTest):
    def setUp(self):
        super().setUp()
        allowed = self.listen()
        self.refused = [self.listen(), self.listen("/tmp/foreign.faults", family=socket.AF_UNIX),
                        self.listen("\0foreign.faults", family=socket.AF_UNIX)]
        self.refused += [self.listen("::1", self.refused[0].port),
                         self.listen(port=self.refused[0].port, kind=socket.SOCK_DGRAM)]
        self.listen(port=allowed.port, kind=socket.SOCK_DGRAM)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port}\nallow_udp = yes\n")
        source = WORKER.replace("ALLOWED", str(allowed.port)).replace(
            "REFUSED", str(self.refused[0].port)).replace("'", '"')
        self.command = f"{PYTHON} -c '{source}'"
        self.session = Login(self, self.confined, self.command)
        self.right = json.loads(self.session.first)
        for name, said in self.right.items():
            expected = ("ECONNREFUSED",) if "abstract" in name else ("EACCES",)
            self.assertIn(said, ("ok",) if "allowed" in name else expected, name)
        self.before = self.session.descriptors(), self.session.size()

    def round(self):
        return json.loads(self.session.ask())

    def judge(self, answers, fault):
        for name, said in answers.items():
            if "refused" in name:
                self.assertNotEqual("ok", said, f"{name}: {fault}")

    def over(self, fault):
        """The fault is gone: nothing has arrived, nothing is left of it."""
        self.assertEqual(self.right, self.round(), fault)
        self.assertEqual(0, sum(listener.arrivals() for listener in self.refused), fault)
        self.assertEqual(self.before, (self.session.descriptors(), self.session.size()), fault)

    def limit(self, name, value):
        """Lowers a soft limit of the supervisor, as its user may do from outside."""
        done = self.confined.run(["prlimit", f"--{name}={value}:", "--pid",
                                  self.session.supervisor])
        self.assertEqual((0, ""), (done.status, done.err))

    def test_supervisor_short_of_descriptors_denies_and_recovers(self):
        directory = f"/proc/{self.session.supervisor}/fd"
        highest = max(int(fd) for fd in os.listdir(directory))
        denied = 0
        for spare in range(8):
            self.limit("nofile", highest + 1 + spare)
            answers = self.round()
            self.judge(answers, f"{spare} descriptors left")
            denied += answers != self.right
            self.limit("nofile", 1024)
            self.over(f"{spare} descriptors were left")
        self.assertGreater(denied, 0)

    def test_supervisor_short_of_memory_serves_as_before(self):
        """It has all that it needs."""
        for name in ("as", "data", "memlock", "stack"):
            self.limit(name, 0)
        self.over("no more memory")

    def inject(self, calls, error, when):
        """Rounds while the supervisor's calls fail, each `when`-th."""
        pid = self.session.supervisor
        # Another call instead of none: what the supervisor's own filter does not know would end it.
        fault = f"{calls}:error={error}:syscall=getpid:when={when}"
        tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(pid),
                                   "-e", f"inject={fault}"])
        try:
            eventually(lambda: f"TracerPid:\t{tracer.pid}" in
                       Path(f"/proc/{pid}/status").read_text(), "strace is attached")
            for _ in range(2):
                self.judge(self.round(), fault)
        finally:
            # It detaches when it is killed, too.
            tracer.kill()
            tracer.wait()
        self.over(fault)

    def test_failing_calls_of_the_supervisor_deny(self):
        calls = "!" + ",".join(NEVER_FAIL)
        for error in ("ENOMEM", "EMFILE"):
            for step in range(1, 40) if THOROUGH else (1, 2, 3, 5, 8, 13):
                with self.subTest(error=error, step=step):
                    self.inject(calls, error, f"{step}+{step}")

    def alone(self):
        """What one round in a session of its own says; su would wait for the log daemon."""
        who = self.confined
        done = call(["setpriv", f"--reuid={who.uid}", f"--regid={who.gid}", "--clear-groups",
                     who.shell, "-c", f"exec {self.command}"], stdin="\n", cwd=who.home,
                    env={"HOME": str(who.home)})
        self.assertEqual((0, ""), (done.status, done.err))
        return done.out

    def test_log_daemon_that_reads_nothing_changes_no_answer(self):
        os.rename("/dev/log", "/dev/log.away")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf, \
             socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as flood:
            deaf.bind("/dev/log")
            os.chmod("/dev/log", 0o666)
            flood.setblocking(False)
            try:
                with self.assertRaises(BlockingIOError):
                    while True:
                        flood.sendto(b"flood", "/dev/log")
                self.assertEqual(self.right, json.loads(self.alone()))
            finally:
                os.rename("/dev/log.away", "/dev/log")
        self.over("the log was full")

    def test_full_disks_change_no_answer(self):
        """A session writes no file of its own; the log is its daemon's."""
        def resize(path, size):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"remount,size={size}", "none", path],
                           check=True)
        for path in ("/home", "/run", "/tmp", "/var/log"):
            used = os.statvfs(path)
            self.addCleanup(resize, path, "50%")
            resize(path, (used.f_blocks - used.f_bfree + 1) * used.f_frsize)
            full = Path(path, "full")
            with self.assertRaisesRegex(OSError, "No space"):
                full.write_bytes(bytes(1 << 20))
            self.addCleanup(full.unlink)
        self.assertEqual(self.right, json.loads(self.alone()))
        self.over("the disks were full")

    def test_stopped_supervisor_delays_and_changes_nothing(self):
        for _ in range(3):
            os.kill(self.session.supervisor, signal.SIGSTOP)
            timer = threading.Timer(0.3, os.kill, (self.session.supervisor, signal.SIGCONT))
            timer.start()
            self.assertEqual(self.right, self.round())
            timer.join()
        self.over("it was stopped")

    def test_supervisor_killed_at_any_moment_refuses_from_then_on(self):
        for delay in (0, 0.001, 0.003, 0.01, 0.02):
            with self.subTest(delay=delay):
                timer = threading.Timer(delay, os.kill, (self.session.supervisor, signal.SIGKILL))
                timer.start()
                self.judge(self.round(), f"killed after {delay} s")
                timer.join()
                dead = self.round()
                self.judge(dead, "dead")
                self.assertEqual("ENOSYS", dead["connect allowed"])
                self.assertEqual(0, sum(listener.arrivals() for listener in self.refused))
                self.session = Login(self, self.confined, self.command)

    def test_interrupted_words_with_the_kernel_lose_no_answer(self):
        for step in (3, 5, 7):
            with self.subTest(step=step):
                self.inject("ioctl", "EINTR", f"{step}+{step}")


class Resolver(SessionTest):
    def test_dead_resolver_keeps_answers_and_opens_nothing(self):
        listed, other = self.listen(PUBLIC), self.listen()
        STAGE.policy(f"[network]\nnet_allow = allowed.test:{listed.port},{other.port}\n")
        source = "for line in sys.stdin: answer([tcp(%r, %d), tcp(%r, %d)]); sys.stdout.flush()"
        source = PROBE + source % (PUBLIC, listed.port, "127.0.0.1", other.port)
        login = Login(self, self.confined, f"{PYTHON} -c '" + source.replace("'", '"') + "'")
        self.assertEqual(["ok", "EACCES"], json.loads(login.first))
        (resolver,) = self.confined.processes("sandlock-resolver")
        os.kill(resolver, signal.SIGKILL)
        used = self.cpu(login)
        for _ in range(5):
            self.assertEqual(["ok", "EACCES"], json.loads(login.ask()))
        self.assertEqual(6, listed.arrivals())
        self.assertEqual(0, other.arrivals())
        self.assertLess(self.cpu(login) - used, 0.5)

    @staticmethod
    def cpu(login):
        fields = Path(f"/proc/{login.supervisor}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


KEPT = 18  # PIDFD_CACHE_SIZE, and two of a unix server that is gone, until the session listens again
PYTHON_NAME = os.path.basename(os.path.realpath(PYTHON))
LATENCY_MS = 200  # of a machine that does much else; a wait is seconds


class Waiting(SessionTest):
    """Threads by the thousand in connect to who never answers."""

    def start(self, threads):
        allowed, hole = self.listen(), full_queue(self)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port},{hole}\n")
        program = f"{probe_program('waiting_connects')} {hole} {allowed.port} {threads}"
        login = Login(self, self.confined, program)
        return login, login.descriptors()

    def look(self, login):
        started, refused, other, latency = login.ask().split()
        return int(started), int(refused), int(other), float(latency)

    def full(self, threads, held):
        """Until all threads that will be are held, and what the last look said."""
        login, before = self.start(threads)
        self.look(login)
        eventually(lambda: login.descriptors() >= before + held, f"{held} are held", 90)
        return login, self.look(login)

    def over(self):
        """All are killed at once: nothing is left, and the next session is served."""
        for pid in self.confined.processes("waiting_connects"):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not self.confined.processes(), "everything ends", 20)

    def test_two_thousand_delay_no_other_and_leave_nothing(self):
        login, (started, refused, other, latency) = self.full(2000, 2000)
        self.assertEqual((2000, 0, 0), (started, refused, other))
        self.assertTrue(0 < latency < LATENCY_MS, latency)
        print(f"  2000 waiting: {latency} ms for a connect, {login.first.split()[3]} before")
        beside, _ = self.start(0)
        self.assertTrue(0 < self.look(beside)[3] < LATENCY_MS)
        self.over()

    def test_more_than_are_held_are_refused(self):
        login, (started, refused, other, latency) = self.full(4200, 4096)
        self.assertEqual((4200, 104, 0), (started, refused, other))
        self.assertTrue(0 < latency < LATENCY_MS, latency)
        self.log.wait("too.x20many.x20pending.x20calls")
        self.over()

SAMPLE = 50  # of each way to fail, where not all is tried


class Clock(SessionTest):
    @unittest.skipUnless("sandlock.own_clock" in Path("/proc/cmdline").read_text(),
                         "the clock is everybody's: make old-kernel has one of its own")
    def test_clock_that_is_set_changes_no_answer_and_no_time_limit(self):
        listed, other, hole = self.listen(PUBLIC), self.listen(), full_queue(self)
        STAGE.policy(f"[network]\nnet_allow = allowed.test:{listed.port} 127.0.0.1:{hole}\n")
        self.confined.write("clock.py", PROBE + f"""
import struct
def limited():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 1, 0))
        start = time.monotonic()
        return [attempt(s.connect, ("127.0.0.1", {hole})), 0.9 < time.monotonic() - start < 8]
for line in sys.stdin:
    answer([tcp({PUBLIC!r}, {listed.port}), tcp("127.0.0.1", {other.port}), *limited()])
    sys.stdout.flush()
""")
        right = ["ok", "EACCES", "EINPROGRESS", True]
        login = Login(self, self.confined, f"{PYTHON} clock.py")
        self.assertEqual(right, json.loads(login.first))
        for years in (10, -20, 10):
            jump = threading.Timer(0.5, lambda y=years: time.clock_settime(
                time.CLOCK_REALTIME, time.time() + y * 365 * 86400))
            jump.start()
            self.assertEqual(right, json.loads(login.ask()))
            jump.join()
            self.assertEqual(right, json.loads(login.ask()))
            another = Login(self, self.confined, f"{PYTHON} clock.py")
            self.assertEqual(right, json.loads(another.first))
        self.assertEqual(0, other.arrivals())


# What clients do to themselves, again and again, beside one that only connects.
DISTURB = PROBE + """
import array, resource, tempfile, threading
def threads(count, work):
    for one in [threading.Thread(target=work) for _ in range(count)]:
        one.start()
def slow_unix_peers():
    path = tempfile.mktemp(dir=os.environ["HOME"])
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(0)
    def send():
        mine, other = socket.socketpair()
        mine.sendmsg([bytes(8 << 20)])
    threads(60, send)
    threads(60, lambda: attempt(socket.socket(socket.AF_UNIX).connect, path))
def fork_storm():
    while True:
        for _ in range(40):
            if os.fork() == 0:
                tcp("127.0.0.1", ALLOWED)
                os._exit(0)
        for _ in range(40):
            os.wait()
def exhaustion():
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    mine, other = socket.socketpair()
    sockets = []
    while attempt(lambda: sockets.append(socket.socket())) == "ok":
        pass
    while True:
        for one in sockets:
            assert attempt(one.connect, ("127.0.0.1", CLOSED)) == "ECONNREFUSED"
        socket.send_fds(mine, [b"x"], [one.fileno() for one in sockets[:20]])
        socket.recv_fds(other, 1, 20)
def stopped_and_killed():
    while True:
        children = []
        for _ in range(30):
            pid = os.fork()
            if pid == 0:
                socket.socket().connect(("127.0.0.1", HOLE))
            children.append(pid)
        time.sleep(0.05)
        for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP, signal.SIGKILL):
            for pid in children:
                os.kill(pid, number)
        for pid in children:
            os.waitpid(pid, 0)
os.setpgid(0, 0)
open("disturbed", "w").close()
WHAT()
"""


def leads_its_group(pid):
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


class Beside(SessionTest):
    """Whatever others of the session do, who connects is served, and so is another session."""

    def login(self, allowed, before=""):
        meter = f"exec {probe_program('waiting_connects')} {allowed} {allowed} 0"
        self.confined.write("meter", f"{before}\n{meter}\n")
        return Login(self, self.confined, "sh meter")

    @staticmethod
    def latency(login):
        return float(login.ask().split()[3])

    def test_others_go_on_and_nothing_is_left(self):
        allowed, closed, hole = self.listen(), self.listen(), full_queue(self)
        closed.close()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port},{closed.port},{hole}\n")
        for what in ("slow_unix_peers", "fork_storm", "exhaustion", "stopped_and_killed"):
            with self.subTest(what=what):
                self.confined.write("disturb.py", f"ALLOWED, CLOSED, HOLE = {allowed.port}, "
                                    f"{closed.port}, {hole}\n" + DISTURB.replace("WHAT", what))
                login = self.login(allowed.port, f"{PYTHON} disturb.py >/dev/null 2>said &")
                disturbed = self.confined.home / "disturbed"
                eventually(disturbed.exists, "it begins")
                before = self.login(allowed.port)
                time.sleep(0.5)
                took = [self.latency(one) for one in (login, before) * 3]
                self.assertTrue(all(0 < one < LATENCY_MS for one in took), took)
                self.assertEqual("", (self.confined.home / "said").read_text())
                print(f"  {what}: {took}")
                disturber, = filter(leads_its_group, self.confined.processes(PYTHON_NAME))
                os.killpg(disturber, signal.SIGKILL)
                eventually(lambda: not self.confined.processes(PYTHON_NAME), "it ends")
                eventually(lambda b=before, o=login: o.descriptors() <= b.descriptors() + KEPT,
                           "no descriptor is left")
                self.assertLess(self.latency(login), LATENCY_MS)
                disturbed.unlink()
                self.confined.end_processes()


class Start(SessionTest):
    """Each call of each process of a start fails, or is its last, one after the other."""

    def setUp(self):
        super().setUp()
        self.allowed, self.refused = self.listen(), self.listen()
        # A name, so that there is a resolver.
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{self.allowed.port} six.test:77\n")
        marked = probe_program("between_fault_marks")
        probe = f"{probe_program('escape_tcp')} connect {self.refused.port} {self.allowed.port} -"
        self.login = Faulty([marked, "from", self.confined.name, STAGE.shell, "-c",
                             f"exec {marked} to {probe}"])
        self.assertEqual("EACCES\n", self.run_login().out)

    def run_login(self, *fault):
        return self.login.run(*fault, cwd=self.confined.home, env={"HOME": self.confined.home})

    def inject(self, fault):
        try:
            done = self.run_login(fault)
        except subprocess.TimeoutExpired:
            self.fail(f"{fault}: neither refused nor served")
        self.assertNotEqual("ok\n", done.out, fault)
        self.assertTrue(done.status != 125 or done.err or fault.error == KILL, f"{fault}: no word")
        self.assertEqual(0, self.refused.arrivals(), fault)
        eventually(lambda: not self.confined.processes(), f"{fault}: everything ends")
        return done.status

    def each(self, faults):
        ends = collections.Counter((fault.error, self.inject(fault)) for fault in faults)
        print("  " + ", ".join(f"{error} {status}: {count}"
                               for (error, status), count in sorted(ends.items())))
        self.assertGreater(sum(ends[end] for end in ends if end[1] == 125), 0)

    def test_failing_call_refuses_or_carries_on(self):
        self.each(sample(self.login.faults(), SAMPLE))

    def test_death_at_any_call_leaves_nothing(self):
        self.each(sample(self.login.deaths(), SAMPLE))

    def test_supervisor_that_dies_with_its_news_ends_the_login(self):
        self.each(fault for fault in self.login.deaths() if fault.name == "sendto")

    def test_supervisor_that_cannot_wait_lets_nobody_wait(self):
        for fault in self.login.deaths():
            if fault.name in ("epoll_wait", "epoll_pwait"):
                self.inject(fault._replace(error="ENOMEM"))
