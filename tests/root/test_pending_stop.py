# SPDX-License-Identifier: BSD-3-Clause
"""Calls that wait can be stopped: by a tracer, and by a freeze; and few end with EINTR before they wait."""
import os
import socket
import subprocess
import threading
import unittest
from pathlib import Path

from commands import call, eventually
from listeners import listen
from session_test import SessionTest
from stage import STAGE, probe_program
from test_deputy import Talk, script
from test_pam_nested import NestedTest

GROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
INTERRUPTED = 150  # of 1,500 connects

# Says its number, waits in a call, and says how that ended.
WAIT = """
print(os.getpid(), flush=True)
client = socket.socket()
print(attempt(client.connect, ("127.0.0.1", int(sys.argv[1]))), flush=True)
"""
SEND = """
one, other = socket.socketpair()
print(os.getpid(), flush=True)
while one.sendmsg([b"x" * 4096]):
    pass
"""
# As strace -p: a stop is asked for, and no signal sent.
INTERRUPT = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def trace(request, pid):
    return libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, None)
def interrupt(pid, seconds=5):
    if trace(0x4206, pid) or trace(0x4207, pid):  # PTRACE_SEIZE, PTRACE_INTERRUPT
        return "no tracer"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG | 0x40000000)[0]:  # __WALL
            trace(17, pid)  # PTRACE_DETACH
            return "stopped"
        time.sleep(0.01)
    return "not stopped"
"""


class Stop(SessionTest):
    def setUp(self):
        super().setUp()
        self.full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(self.full.close)
        self.addCleanup(self.full.shutdown, socket.SHUT_RDWR)
        self.port = self.full.getsockname()[1]
        for _ in range(3):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(self.full.getsockname())
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{self.port}\n")

    def make_room(self):
        """Whoever waits, or comes, is accepted from now on."""
        def accept():
            try:
                while True:
                    self.full.accept()[0].close()
            except OSError:
                pass
        threading.Thread(target=accept, daemon=True).start()

    def waiting(self, who, source=WAIT):
        talk = Talk(self, ["su", "-", who.name, "-c", f"{script('wait', source)} {self.port}"])
        pid = int(talk.said)
        wanted = ("D", "S")
        eventually(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
                   in wanted, "it waits")
        return talk, pid

    def test_tracer_stops_a_thread_that_connects_and_it_goes_on(self):
        talk, pid = self.waiting(self.confined)
        source = "import os, time\n" + INTERRUPT + f"print(interrupt({pid}))"
        self.assertEqual("stopped\n", call(["python3", "-c", source]).out)
        self.make_room()
        self.assertEqual("ok", talk.listen())

    def test_tracer_stops_a_thread_that_sends(self):
        talk, pid = self.waiting(self.confined, SEND)
        self.addCleanup(self.confined.end_processes)  # it never ends by itself
        source = "import os, time\n" + INTERRUPT + f"print(interrupt({pid}))"
        self.assertEqual("stopped\n", call(["python3", "-c", source]).out)
        self.assertIsNone(talk.process.poll())

    def test_strace_shows_the_call_of_a_program_that_hangs(self):
        command = (f"{script('wait', WAIT)[5:]} {self.port} >/dev/null & sleep 1; "
                   "strace -o trace -p $! 2>/dev/null & sleep 2; kill -9 $!; "
                   "grep -c 'connect(.*127.0.0.1' trace; kill -0 %1 && echo lives; kill -9 %1")
        said = self.both(lambda who: who.su(f"bash -c '{command}' 2>/dev/null".replace(
            "'connect(.*127.0.0.1'", '"connect(.*127.0.0.1"')).out)
        self.assertEqual("1\nlives\n", said)

    def test_freeze_of_a_group_is_complete(self):
        mount = next((Path(path) for path in GROUPS
                      if (Path(path) / "cgroup.procs").exists()
                      and (Path(path) / "cgroup.controllers").exists()), None)
        group = mount and mount / f"sandlock-test-{os.getpid()}"
        try:
            group.mkdir()
        except (AttributeError, OSError) as error:
            raise unittest.SkipTest(f"no control group can be made: {error}") from error
        self.addCleanup(group.rmdir)

        def frozen():
            return "frozen 1" in (group / "cgroup.events").read_text()
        for who in (self.bare, self.confined):
            talk, pid = self.waiting(who)
            (group / "cgroup.procs").write_text(str(pid))
            (group / "cgroup.freeze").write_text("1")
            try:
                eventually(frozen, f"{who.name}'s process is frozen")
            finally:
                (group / "cgroup.freeze").write_text("0")
            self.assertIsNone(talk.process.poll())
            who.end_processes()
            eventually(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")


class Interrupted(NestedTest):
    """EINTR of calls that never give it bare: only in the window before the supervisor has received one."""

    def setUp(self):
        super().setUp()
        self.server = listen(self)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{self.server.port}\n", "dora")

    def count(self):
        loads = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(10)]
        try:
            done = call(["su", "dora", "-c",
                         f"{probe_program('interrupted')} {self.server.port} 1500 2000"], timeout=120)
        finally:
            for load in loads:
                load.kill()
                load.wait()
        self.assertEqual(0, done.status, done)
        return [int(word) for word in done.out.split()]

    def test_few_connects_are_interrupted_on_a_busy_machine(self):
        interrupted, failed, handled = self.count()
        print(f"# {interrupted} of 1500 connects interrupted, {handled} signals")
        self.assertEqual(0, failed)
        self.assertGreater(handled, 100)
        self.assertLessEqual(interrupted, INTERRUPTED)

    def test_supervisor_is_a_real_time_process(self):
        """Under PAM, where root may make it one."""
        if call(["chrt", "-r", "1", "true"]).status:
            raise unittest.SkipTest("root may not make real-time processes here")
        talk = Talk(self, ["su", "dora", "-c", "echo in; read line"])
        self.assertEqual("in", talk.said)
        policies = {os.sched_getscheduler(int(entry.name)) for entry in Path("/proc").iterdir()
                    if entry.name.isdigit() and (entry / "comm").exists()
                    and (entry / "comm").read_text().startswith("sandlock-superv")}
        self.assertEqual({os.SCHED_RR}, policies)
