# SPDX-License-Identifier: BSD-3-Clause
"""The supervisor as a deputy: what nobody could do bare, nobody has it do, nor spends what is others'."""
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, call, eventually
from listeners import full_queue, listen
from pam_callers import keepers
from session_test import SessionTest
from stage import STAGE, probe_program
from test_pam_nested import NestedTest

# Without it not even root raises a hard limit, and the log says so.
RAISED = int(re.search(r"CapBnd:\t(\w+)", Path("/proc/self/status").read_text())[1], 16) >> 24 & 1


class Talk:
    """A program in a login, which says a line, waits for one, and says the next."""

    def __init__(self, test, argv):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        for cleanup in (self.process.wait, self.process.stdout.close, self.process.stdin.close):
            test.addCleanup(cleanup)
        self.said = self.listen()

    def listen(self):
        return self.process.stdout.readline().strip()

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.listen()


def script(name, text):
    """The words that run a program of Python's."""
    path = STAGE.directory / f"{name}.py"
    path.write_text(PROBE + text)
    return f"exec {PYTHON} {path}"


class Shared(NestedTest):
    """What the kernel counts by a uid that the sessions of all users share."""

    def setUp(self):
        super().setUp()
        for name in ("dora", "erin"):
            STAGE.policy("[network]\n", name)

    def test_descriptors_in_flight_are_not_counted_for_another_user(self):
        flood = script("flood", """
pairs, said, null = [], "EAGAIN", os.open("/dev/null", os.O_RDONLY)
while said == "EAGAIN" and len(pairs) < 1000:
    pairs.append(socket.socketpair())
    pairs[-1][0].setblocking(False)
    said = "ok"
    while said == "ok":
        said = attempt(socket.send_fds, pairs[-1][0], [b"x"], [null] * 253)
print(said, flush=True)
sys.stdin.readline()
""")
        send = script("send", """
one, two = socket.socketpair()
print(attempt(socket.send_fds, one, [b"x"], [0]))
""")
        self.assertEqual("ETOOMANYREFS", Talk(self, ["su", "erin", "-c", flood]).said)
        self.assertEqual("ETOOMANYREFS\n", call(["su", "erin", "-c", send]).out)
        self.assertEqual("ok\n", call(["su", "dora", "-c", send]).out)

    def test_supervisors_of_others_are_not_counted_for_the_user(self):
        limit = Path("/etc/security/limits.d/dora.conf")
        limit.write_text("dora - nproc 4\n")
        self.addCleanup(limit.unlink)
        for name in ("dora", "erin"):  # with a resolver
            STAGE.policy("[network]\nnet_allow = www.example.com:1\n", name)
        for _ in range(8):
            self.assertEqual("in", Talk(self, ["su", "erin", "-c", "echo in; read line"]).said)
        done = call(["su", "dora", "-c", "echo in"])
        self.assertEqual((done.out, done.err), ("in\n", ""))


    def test_limits_of_a_login_do_not_reach_who_serves_it(self):
        """pam_limits is meant for the processes of the user."""
        limit = Path("/etc/security/limits.d/dora.conf")
        limit.write_text("".join(f"dora - {name} {value}\n" for name, value in (
            ("nproc", 40), ("cpu", 1), ("nofile", 64), ("as", 1 << 20), ("data", 1 << 20),
            ("stack", 512), ("memlock", 0), ("fsize", 100), ("sigpending", 1), ("msgqueue", 7),
            ("core", 7), ("nice", 5), ("rtprio", 3))))
        self.addCleanup(limit.unlink)
        STAGE.policy("[network]\nnet_allow = www.example.com:1\n", "dora")
        caller = ("import ctypes, os, signal, sys\n"
                  "ctypes.CDLL(None).prctl(29, ctypes.c_ulong(10 ** 9), 0, 0, 0)\n"
                  "open('/proc/self/oom_score_adj', 'w').write('900')\n"
                  "os.nice(7); os.umask(0o777); os.sched_setaffinity(0, {0})\n"
                  "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                  "os.execvp('su', sys.argv[1:])")
        login = Talk(self, ["prlimit", "--cpu=60", "--core=5", PYTHON, "-c", caller,
                            "su", "dora", "-c", "ulimit -u; read line"])
        self.assertEqual("40", login.said)
        serving = keepers()  # supervisor, resolver, network
        self.assertEqual(3, len(serving), self.log.lines)
        for pid in serving:
            process = Path(f"/proc/{pid}")
            limits = {line[:26].strip(): line[26:].split()[:2]
                      for line in (process / "limits").read_text().splitlines()}
            with self.subTest(process=(process / "comm").read_text()):
                unlimited = ("cpu time", "data size", "processes", "address space",
                             "pending signals", "locked memory")
                for name in unlimited if RAISED else ():
                    self.assertEqual(["unlimited"] * 2, limits[f"Max {name}"], name)
                for name in ("core file size", "nice priority", "realtime priority",
                             "msgqueue size"):
                    self.assertEqual(["0"] * 2, limits[f"Max {name}"], name)
                if RAISED:
                    self.assertEqual(["16384"] * 2, limits["Max open files"])
                    self.assertEqual(["8388608"] * 2, limits["Max stack size"])
                status = (process / "status").read_text()
                self.assertIn("Umask:\t0022", status)
                self.assertNotRegex(status, r"SigIgn:\t\d*[4-7]\d{3}\n")
                self.assertEqual("0", (process / "stat").read_text().split()[18], "nice")
                self.assertEqual("0\n", (process / "oom_score_adj").read_text())
                # The kernel gives real-time processes none.
                ordinary = os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER
                self.assertEqual("50000\n" if ordinary else "0\n",
                                 (process / "timerslack_ns").read_text())
                self.assertEqual(os.sched_getaffinity(0), os.sched_getaffinity(pid))
        if not RAISED:
            self.log.wait('hard limit "cpu" of this login also limits the supervisor')


class Agent(NestedTest):
    def test_socket_with_the_inode_of_the_agent_is_not_the_agent(self):
        """On a file system that uses inodes again at once."""
        directory = Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.addCleanup(call, ["rm", "-r", directory])
        os.chown(directory, self.dora.uid, self.dora.gid)
        environment = Path("/etc/environment")
        self.addCleanup(environment.write_text, environment.read_text())
        environment.write_text(f"SSH_AUTH_SOCK={directory}/agent\n")
        said, again = self.tried(directory)
        self.assertEqual(["ok", "ok"], said)
        if not again:
            self.skipTest("/var/tmp gives every inode a number of its own")
        STAGE.policy("[network]\n", "dora")
        self.assertEqual((["ok", "EACCES"], False), self.tried(directory))

    def tried(self, directory):
        """What the agent and what comes after it say; whether it has got the agent's number."""
        agent, other = directory / "agent", directory / "other"
        command = script("agent", f"""
print(unix({str(agent)!r}), flush=True)
sys.stdin.readline()
print(unix({str(other)!r}), flush=True)
""")
        with subprocess.Popen(["ssh-agent", "-D", "-a", agent], user=self.dora.uid,
                              group=self.dora.gid, stdout=subprocess.DEVNULL) as server:
            eventually(agent.exists, "the agent listens")
            login = Talk(self, ["su", "dora", "-c", command])
            inode = agent.stat().st_ino
            agent.unlink()
            server.kill()
        server = listen(self, str(other), family=socket.AF_UNIX)
        again = other.stat().st_ino == inode
        said = [login.said, login.go_on()]
        server.close()
        return said, again


class Lent(SessionTest):
    def test_memory_of_the_supervisor_is_never_lent_to_the_kernel(self):
        """A socket takes MSG_ZEROCOPY or does not, and another thread changes which."""
        sink = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(sink.close)
        threading.Thread(target=self.drain, args=(sink,), daemon=True).start()
        port = sink.getsockname()[1]
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{port}\n")
        command = f"read line; exec {probe_program('zerocopy_race')} zerocopy_race 1 {port} -"
        self.assertEqual("ok", Talk(self, ["su", "bare", "-c", f"echo; {command}"]).go_on())
        login = Talk(self, ["su", "alice", "-c", f"echo; {command}"])
        supervisor, = self.confined.processes("sandlock-supervisor")
        # Between the look at the option and the sending.
        with subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", str(supervisor),
                               "-e", "inject=getsockopt:delay_exit=2000"]) as tracer:
            eventually(lambda: f"TracerPid:\t{tracer.pid}\n" in
                       Path(f"/proc/{supervisor}/status").read_text(), "strace is attached")
            said = login.go_on()
            tracer.kill()
        self.assertEqual("EAGAIN", said)

    @staticmethod
    def drain(sink):
        for _ in range(2):
            with sink.accept()[0] as client:
                while client.recv(1 << 20):
                    pass


class Idle(SessionTest):
    def test_caller_with_an_error_in_the_queue_waits_as_others_do(self):
        """The supervisor sleeps meanwhile."""
        listener, full = self.listen(), full_queue(self)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{listener.port},{full}\n")
        command = script("waiting", f"""
import ctypes
s = socket.socket()
s.connect(("127.0.0.1", {listener.port}))
SO_TIMESTAMPING, TX_SOFTWARE, SOFTWARE = 37, 1 << 1, 1 << 4
s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, TX_SOFTWARE | SOFTWARE)
s.sendall(b"x")
time.sleep(0.1)
ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16)  # AF_UNSPEC
print("waits", flush=True)
s.connect(("127.0.0.1", {full}))
""")
        login = Talk(self, ["su", "alice", "-c", command])
        self.assertEqual("waits", login.said)
        supervisor, = self.confined.processes("sandlock-supervisor")
        stat = Path(f"/proc/{supervisor}/stat")
        time.sleep(0.2)
        before = stat.read_text().split()[13:15]
        time.sleep(1)
        used = sum(map(int, stat.read_text().split()[13:15])) - sum(map(int, before))
        self.confined.end_processes()
        self.assertLess(used, os.sysconf("SC_CLK_TCK") // 20)


# A socket whose close waits, in the queue of another one: the program's own are gone.
QUEUED = """
import ctypes, struct
def queued(mute, sender):
    with socket.create_connection(("127.0.0.1", mute)) as lingers:
        lingers.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 20))
        lingers.setblocking(False)
        while attempt(lingers.send, bytes(65536)) == "ok":
            pass
        socket.send_fds(sender, [b"x"], [lingers.fileno()])
    time.sleep(0.3)  # longer than the supervisor is on its guard after a connect
def killed(mute):
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    queued(mute, one)
    sender = os.fork()
    if sender == 0:
        one.close()
        two.setblocking(False)
        while attempt(two.send, bytes(4096)) == "ok":
            pass
        two.setblocking(True)
        two.sendto(bytes(4096), "/nowhere")
    two.close()
    time.sleep(0.3)
    os.kill(sender, signal.SIGKILL)
    os.waitpid(sender, 0)
def connected(mute, blocking, address):
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    queued(mute, one)
    two.setblocking(blocking)
    ctypes.CDLL(None).connect(two.fileno(), address, 16)
def orphaned(mute):
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    queued(mute, one)
    one.close()
    attempt(two.sendmsg, [b"x"])
def meanwhile(port, work, *words):
    child = os.fork()
    if child == 0:
        work(*words)
        os._exit(0)
    if work is killed:
        os.waitpid(child, 0)
    time.sleep(1)
    start = time.monotonic()
    return [tcp("127.0.0.1", port), time.monotonic() - start < 2]
"""


class Queued(SessionTest):
    """Closing a socket waits for what it has not sent; the supervisor's other callers do not."""

    def said(self, *words):
        mute, listener = socket.create_server(("127.0.0.1", 0)), self.listen()
        self.addCleanup(mute.close)
        port = mute.getsockname()[1]
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{port},{listener.port}\n"
                     "unix_dgram = yes\n")
        command, *rest = words
        return self.confined.python(
            QUEUED + f"answer(meanwhile({listener.port}, {command}, {', '.join([str(port), *rest])}))\n"
            "sys.stdout.flush()\nos._exit(0)\n")

    def test_last_copy_of_a_unix_socket(self):
        self.assertEqual(["ok", True], self.said("killed"))

    def test_datagram_socket_whose_peer_is_gone(self):
        self.assertEqual(["ok", True], self.said("orphaned"))

    def test_datagram_socket_that_is_disconnected(self):
        for blocking in ("True", "False"):
            with self.subTest(blocking=blocking):
                self.assertEqual(["ok", True], self.said("connected", blocking, "bytes(16)"))


class Places(NestedTest):
    def test_socket_is_not_made_through_a_process_of_root(self):
        """Where UDP is open the supervisor binds on behalf; it may look into every process."""
        hidden = self.dora.home / "hidden"
        (hidden / "open").mkdir(parents=True)
        self.addCleanup(call, ["rm", "-r", hidden])
        hidden.chmod(0o700)
        (hidden / "open").chmod(0o777)
        STAGE.policy(self.rules(22) + "allow_udp = yes\n", "dora")
        told = Path("/tmp/told")
        self.addCleanup(told.unlink)
        told.write_text("")
        told.chmod(0o666)
        bind = script("bind", f"""
while not (pid := open("{told}").read()):
    time.sleep(0.02)
print(attempt(socket.socket(socket.AF_UNIX).bind, "/proc/%d/cwd/socket" % int(pid)))
""").removeprefix("exec ")
        said = self.dora.home / "said"
        self.addCleanup(said.unlink)
        done = self.inside(f"{bind} 3>&1 >{said} | su root -c 'cd {hidden}/open && echo $$ >{told} && "
                           "read line; true'")
        self.assertEqual((done.status, done.err, said.read_text()), (0, "", "EACCES\n"), done)
        self.assertEqual([], list((hidden / "open").iterdir()))
