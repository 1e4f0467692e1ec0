# SPDX-License-Identifier: BSD-3-Clause
"""Many sessions for a while: allowed and refused calls in random order, while faults happen.

Wrong answers, arrivals where nothing may arrive, leaked descriptors, growth of memory, zombies and
processes left over: all must be 0. SOAK_SECONDS makes it longer.
"""
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, SOAK_SECONDS, call, eventually
from listeners import full_queue
from session_test import SessionTest
from stage import STAGE

SECONDS = SOAK_SECONDS or 15
SESSIONS = 5
KEPT = 17  # pidfds: PIDFD_CACHE_SIZE of the threads that called last, and one of the parent
VOUCHERS = 16  # for servers that are gone; looked at when the session listens again
GROWTH_PAGES = 32  # of resident memory, once everything was used

# From one line to the next two processes work; both then tell what they got.
WORKER = PROBE + """
import collections, ctypes, random, select, struct, tempfile
libc = ctypes.CDLL(None)
def udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return attempt(s.sendmsg, [b"x"] * random.randrange(1, 9), [], 0, ("127.0.0.1", port))
def nonblocking():
    with socket.socket() as s:
        s.setblocking(False)
        said = attempt(s.connect, ("127.0.0.1", ALLOWED))
        select.select([], [s], [], 10)
        return said if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 else "not connected"
def limited():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 20000))
        return attempt(s.connect, ("127.0.0.1", HOLE))
def interrupted():
    def caught(*_):
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise OSError(errno.EINTR, "")
    signal.signal(signal.SIGALRM, caught)
    def connect():
        # Again and again: Python may not look between the first one and the call.
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.005, 0.03), 0.05)
        s.connect(("127.0.0.1", HOLE))
    with socket.socket() as s:
        return attempt(connect)
def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
def killed():
    # Where this process is killed before it kills: a stopped child would stay for ever.
    parent = os.getpid()
    def wait():
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() == parent:
            tcp("127.0.0.1", HOLE)
    pid = child(wait)
    time.sleep(random.uniform(0, 0.02))
    for number in random.sample((signal.SIGSTOP, signal.SIGCONT), random.randrange(3)):
        os.kill(pid, number)
    os.kill(pid, signal.SIGKILL)
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
def orphaned():
    pid = child(lambda: child(lambda: tcp("127.0.0.1", random.choice((ALLOWED, REFUSED)))))
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
def served():
    path = tempfile.mktemp(dir=os.environ["HOME"])
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        said = attempt(client.connect, path)
        os.unlink(path)
        if said == "ok":
            with server.accept()[0] as peer:
                socket.send_fds(client, [b"x"], [0, 1])
                for fd in socket.recv_fds(peer, 1, 2)[1]:
                    os.close(fd)
        return said
EVERY = (
    ("ok", lambda: tcp("127.0.0.1", ALLOWED)), ("EACCES", lambda: tcp("127.0.0.1", REFUSED)),
    ("EACCES", lambda: tcp("0.0.0.0", REFUSED)), ("ECONNREFUSED", lambda: tcp("127.0.0.1", CLOSED)),
    ("ok", lambda: udp(ALLOWED)), ("EACCES", lambda: udp(REFUSED)),
    ("EINPROGRESS", nonblocking), ("EINPROGRESS", limited), ("EINTR", interrupted),
    ("-9", killed), ("0", orphaned), ("ok", served),
    ("EACCES", lambda: unix("/tmp/foreign.soak")),
)
def work(end):
    count, wrong = 0, collections.Counter()
    while not select.select([end], [], [], 0)[0]:
        place = random.randrange(len(EVERY))
        expected, one = EVERY[place]
        said = one()
        count += 1
        if said != expected:
            wrong[f"{place}: {said} for {expected}"] += 1
    return count, wrong
print(flush=True)
sys.stdin.readline()
end, stop = os.pipe()
reader, writer = os.pipe()
other = child(lambda: (os.close(stop), os.write(writer, json.dumps(work(end)).encode())))
os.close(writer)
mine = work(0)
os.close(stop)
theirs = json.loads(os.read(reader, 65536))
os.waitpid(other, 0)
answer([mine[0] + theirs[0], mine[1] + collections.Counter(theirs[1])])
sys.stdout.flush()
sys.stdin.readline()
sys.stdin.read()
"""


class Worker:
    def __init__(self, who, command, errors=None):
        before = set(who.processes("sandlock-supervisor"))
        self.login = subprocess.Popen(["su", "-", who.name, "-c", command], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=errors, text=True)
        self.line()
        (self.supervisor,) = set(who.processes("sandlock-supervisor")) - before
        self.descriptors = self.count_descriptors()
        self.say()

    def line(self):
        if not select.select([self.login.stdout], [], [], 20)[0]:
            raise AssertionError("no answer")
        return self.login.stdout.readline()

    def say(self):
        self.login.stdin.write("\n")
        self.login.stdin.flush()

    def stop(self):
        """How many calls were made, and {what was wrong: how often}."""
        self.say()
        return json.loads(self.line())

    def count_descriptors(self):
        """How many, but for what is kept for a while: see KEPT and VOUCHERS."""
        vouchers = re.findall(r"(\d+) @sandlock/own/", Path("/proc/net/unix").read_text())
        directory, count, kept, vouching = f"/proc/{self.supervisor}/fd", 0, 0, 0
        for fd in os.listdir(directory):
            try:
                name = os.readlink(f"{directory}/{fd}")
            except FileNotFoundError:
                continue
            if "pidfd" in name:
                kept += 1
            elif name.removeprefix("socket:[").removesuffix("]") in vouchers:
                vouching += 1
            else:
                count += 1
        return count + max(0, kept - KEPT) + max(0, vouching - VOUCHERS)

    def resident(self):
        return int(Path(f"/proc/{self.supervisor}/statm").read_text().split()[1])

    def close(self):
        for stream in (self.login.stdin, self.login.stdout):
            stream.close()
        self.login.wait()


class Soak(SessionTest):
    def setUp(self):
        super().setUp()
        allowed, refused, closed, hole = (self.listen(), self.listen(), self.listen(),
                                          full_queue(self))
        closed.close()
        self.refused = [refused, self.listen(port=refused.port, kind=socket.SOCK_DGRAM),
                        self.listen("/tmp/foreign.soak", family=socket.AF_UNIX)]
        self.listen(port=allowed.port, kind=socket.SOCK_DGRAM)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port},{closed.port},{hole}\n"
                     "allow_udp = yes\n")
        source = f"ALLOWED, REFUSED, CLOSED, HOLE = {allowed.port}, {refused.port}, {closed.port}, "
        source += f"{hole}\n{WORKER}"
        program = self.confined.write("soak.py", source)
        self.command = f"exec {PYTHON} {program}"
        self.addCleanup(program.unlink)
        self.random = random.Random(SECONDS)

    def start(self):
        worker = Worker(self.confined, self.command)
        self.addCleanup(worker.close)
        self.addCleanup(self.confined.end_processes)
        return worker

    def stop_supervisor(self):
        worker = self.random.choice(self.workers)
        os.kill(worker.supervisor, signal.SIGSTOP)
        time.sleep(self.random.uniform(0, 0.1))
        os.kill(worker.supervisor, signal.SIGCONT)

    def lose_log(self):
        os.rename("/dev/log", "/dev/log.away")
        time.sleep(self.random.uniform(0, 0.1))
        os.rename("/dev/log.away", "/dev/log")

    def kill_in_another_session(self):
        """Supervisor or parent of a session of its own: what is refused stays so."""
        shells = set(self.confined.processes("sandlock-shell"))
        worker = Worker(self.confined, self.command, subprocess.DEVNULL)
        (shell,) = set(self.confined.processes("sandlock-shell")) - shells
        victim = self.random.choice((worker.supervisor, shell))
        time.sleep(self.random.uniform(0, 0.1))
        os.kill(victim, signal.SIGKILL)
        time.sleep(self.random.uniform(0, 0.1))
        worker.close()

    def test_nothing_goes_wrong(self):
        self.workers = [self.start() for _ in range(SESSIONS)]
        faults = [self.stop_supervisor, self.lose_log, self.kill_in_another_session]
        half, end, done = time.monotonic() + SECONDS / 2, time.monotonic() + SECONDS, 0
        resident = None
        while time.monotonic() < end:
            self.random.choice(faults)()
            done += 1
            time.sleep(self.random.uniform(0, 0.2))
            if resident is None and time.monotonic() > half:
                resident = [worker.resident() for worker in self.workers]
        results = [worker.stop() for worker in self.workers]
        calls = sum(count for count, _ in results)
        print(f"  {SESSIONS} sessions, {SECONDS} s, {calls} calls, {done} faults")
        self.assertEqual([{}] * SESSIONS, [wrong for _, wrong in results])
        self.assertEqual(0, sum(listener.arrivals() for listener in self.refused))
        for worker, pages in zip(self.workers, resident):
            # One less where the log was away last: it is opened again for the next line.
            eventually(lambda w=worker: w.count_descriptors() <= w.descriptors, "no descriptor")
            self.assertLessEqual(worker.resident() - pages, GROWTH_PAGES)
        zombies = call(["ps", "-o", "pid=,stat=,args=", "-U", self.confined.name]).out
        self.assertNotRegex(zombies, r"(?m)^ *\d+ Z")
        for worker in self.workers:
            worker.close()
        try:
            eventually(lambda: not self.confined.processes(), "everything ends")
        except AssertionError:
            print(call(["ps", "-o", "pid,ppid,stat,wchan:30,args", "-U", self.confined.name]).out)
            raise
