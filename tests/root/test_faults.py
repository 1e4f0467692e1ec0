"""Faults in the middle of serving: never a wrong answer.

The supervisor's own calls are made to fail from outside, by its limits and by strace(1); what the
policy refuses stays refused, nobody hangs, and afterwards everything is as it was before.
"""
import json
import os
import select
import socket
import subprocess
from pathlib import Path

from harness import PROBE, PYTHON, STAGE, SessionTest, eventually

THOROUGH = bool(os.environ.get("SOAK_SECONDS"))  # every step, not one of some

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


class Session:
    """A login in which the worker runs, and its supervisor as seen from outside."""

    def __init__(self, test, who, source):
        words = ["su", "-", who.name, "-c", f"exec {PYTHON} -c '{source}'"]
        before = set(who.processes("sandlock-supervisor"))
        self.login = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        for cleanup in (self.login.wait, self.login.stdout.close, self.login.stdin.close,
                        who.end_processes):
            test.addCleanup(cleanup)
        self.right = self.round()
        (self.supervisor,) = set(who.processes("sandlock-supervisor")) - before

    def round(self):
        self.login.stdin.write("\n")
        self.login.stdin.flush()
        if not select.select([self.login.stdout], [], [], 10)[0]:
            raise AssertionError("a call was never answered")
        return json.loads(self.login.stdout.readline())

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
        self.session = Session(self, self.confined, WORKER.replace(
            "ALLOWED", str(allowed.port)).replace("REFUSED", str(self.refused[0].port)).replace(
                "'", '"'))
        for name, said in self.session.right.items():
            expected = ("ECONNREFUSED",) if "abstract" in name else ("EACCES",)
            self.assertIn(said, ("ok",) if "allowed" in name else expected, name)
        self.before = self.session.descriptors(), self.session.size()

    def judge(self, answers, fault):
        for name, said in answers.items():
            if "refused" in name:
                self.assertNotEqual("ok", said, f"{name}: {fault}")

    def over(self, fault):
        """The fault is gone: nothing has arrived, nothing is left of it."""
        self.assertEqual(self.session.right, self.session.round(), fault)
        self.assertEqual(0, sum(listener.arrivals() for listener in self.refused), fault)
        self.assertEqual(self.before, (self.session.descriptors(), self.session.size()), fault)

    def limit(self, name, value):
        """Lowers a soft limit of the supervisor, as its user may do from outside."""
        done = self.confined.run(["prlimit", f"--{name}={value}:", "--pid", self.session.supervisor])
        self.assertEqual((0, ""), (done.status, done.err))

    def test_supervisor_short_of_descriptors_denies_and_recovers(self):
        directory = f"/proc/{self.session.supervisor}/fd"
        highest = max(int(fd) for fd in os.listdir(directory))
        denied = 0
        for spare in range(8):
            self.limit("nofile", highest + 1 + spare)
            answers = self.session.round()
            self.judge(answers, f"{spare} descriptors left")
            denied += answers != self.session.right
            self.limit("nofile", 1024)
            self.over(f"{spare} descriptors were left")
        self.assertGreater(denied, 2)

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
                self.judge(self.session.round(), fault)
        finally:
            # It detaches when it is killed, too.
            tracer.kill()
            tracer.wait()
        self.over(fault)

    def test_failing_calls_of_the_supervisor_deny(self):
        # But for what the kernel always does, and words with it, which fail by EINTR only.
        calls = "!close,epoll_wait,epoll_pwait,ioctl,exit_group,restart_syscall,rt_sigreturn"
        for error in ("ENOMEM", "EMFILE"):
            for step in range(1, 40) if THOROUGH else (1, 2, 3, 5, 8, 13):
                with self.subTest(error=error, step=step):
                    self.inject(calls, error, f"{step}+{step}")

    def test_interrupted_words_with_the_kernel_lose_no_answer(self):
        for step in (3, 5, 7):
            with self.subTest(step=step):
                self.inject("ioctl", "EINTR", f"{step}+{step}")
