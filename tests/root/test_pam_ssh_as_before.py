# SPDX-License-Identifier: BSD-3-Clause
"""An ssh login with pam_sandlock is as it was before: programs, terminals, records, its end."""
import os
import re
import shutil
import signal
import struct
import time
import unittest
from pathlib import Path

from accounts import SSH_OPTIONS
from commands import Done, call, eventually
from stage import STAGE
from terminals import Terminal
from test_pam_ssh import FILES, SSH_PORT, SshTest, supervisors

RECORD = struct.Struct("<hxxi32s4s32s256shhiii4I20x")  # utmp(5)


def records(path, since=0):
    """Type, line, user and host of the records of dora's in a file of utmp(5)."""
    data = Path(path).read_bytes()[since:]
    found = []
    for kind, pid, line, _, user, host, *_ in RECORD.iter_unpack(data):
        words = [word.rstrip(b"\0").decode() for word in (line, user, host)]
        if kind in (7, 8):
            found.append((kind, pid, *words))
    return found


class Programs(SshTest):
    """What runs over a connection, as before."""

    def test_command_keeps_streams_and_status(self):
        command = "cat; echo out; echo err >&2; exit 42"
        done = self.as_before(lambda: self.ssh(command, stdin="in\n"))
        self.assertEqual(Done(42, "in\nout\n", "err\n"), done)

    def test_command_that_dies_by_a_signal_says_so(self):
        self.assertEqual(255, self.as_before(lambda: self.ssh("kill -9 $$")).status)

    def test_environment_directory_and_shell_are_as_before(self):
        hidden = r"^(SSH_CLIENT|SSH_CONNECTION)=.*\n"
        def work():
            done = self.ssh("pwd; id; umask; ulimit -a; env | sort; ls -l /proc/self/fd | wc -l")
            return re.sub(hidden, "", done.out, flags=re.M)
        self.assertIn("USER=dora", self.as_before(work))

    def terminal(self, *words):
        terminal = Terminal(self.ssh_argv(*words, tty=True))
        self.addCleanup(terminal.close)
        if not words:
            terminal.expect("ready> ")
        return terminal

    def test_terminal_keeps_size_job_control_and_status(self):
        def work():
            terminal = self.terminal()
            first = terminal.ask("stty size")
            terminal.ask("trap 'echo changed' WINCH; echo ready")
            terminal.resize(50, 132)
            terminal.send("sleep 0.3\r")
            terminal.expect("changed")
            terminal.expect("ready> ")
            second = terminal.ask("stty size")
            terminal.send("sleep 100\r")
            terminal.expect("sleep 100\r\n")
            eventually(lambda: self.dora.foreground("sleep"), "sleep runs")
            terminal.send("\x1a")
            terminal.expect("Stopped")
            terminal.expect("ready> ")
            stopped = terminal.ask("echo $?")
            terminal.send("fg\r")
            terminal.expect("fg\r\nsleep 100\r\n")
            eventually(lambda: self.dora.foreground("sleep"), "sleep runs again")
            terminal.send("\x03")
            terminal.expect("ready> ")
            interrupted = terminal.ask("echo $?")
            terminal.send("exit 9\r")
            return first, second, stopped, interrupted, terminal.wait()
        self.assertEqual(("24 80", "50 132", "148", "130", 9), self.as_before(work))

    def test_hang_up_ends_what_runs_in_the_terminal(self):
        def work():
            terminal = self.terminal("trap 'touch hung; exit' HUP; echo armed; "
                                     "while :; do sleep 0.05; done")
            terminal.expect("armed")
            terminal.close()
            eventually((self.dora.home / "hung").exists, "the shell sees the hang-up")
            eventually(lambda: not self.dora.processes(), "all has ended")
            (self.dora.home / "hung").unlink()
            return True
        self.as_before(work)

    def copy(self, up, down, source, back):
        for argv in (up, down):
            done = call(argv)
            self.assertEqual(0, done.status, done)
        self.assertEqual(source.read_bytes(), back.read_bytes())
        back.unlink()
        return (self.dora.home / "copied").stat().st_mode

    def test_scp_copies(self):
        source, back = STAGE.directory / "key", STAGE.directory / "back"
        remote = "dora@127.0.0.1:copied"
        for way in ("-O", "-s"):
            scp = ["scp", "-q", way, *SSH_OPTIONS, "-i", STAGE.key, "-P", SSH_PORT]
            with self.subTest(way=way):
                self._restore()
                self.as_before(lambda: self.copy([*scp, source, remote],  # pylint: disable=W0640
                                                 [*scp, remote, back], source, back))


@unittest.skipUnless(shutil.which("last"), "the machine keeps no wtmp")
class Records(SshTest):
    """Who is in, who was, and since when: also of the end, which root's process writes."""

    def work(self, meanwhile=lambda: None):
        wtmp = Path("/var/log/wtmp")
        start = wtmp.stat().st_size
        before = time.time()
        terminal = Terminal(self.ssh_argv(tty=True))
        self.addCleanup(terminal.close)
        terminal.expect("ready> ")
        line = terminal.ask("tty").removeprefix("/dev/")
        during = [line_of for line_of in records("/run/utmp") if line_of[2] == line]
        who = call(["who"]).out.split()
        meanwhile()
        terminal.send("exit\r")
        self.assertEqual(0, terminal.wait())
        eventually(lambda: len(records(wtmp, start)) == 2, "the logout is recorded")
        after = [line_of for line_of in records("/run/utmp") if line_of[2] == line]
        login, logout = records(wtmp, start)
        self.assertEqual([login[1]] * 3, [logout[1], during[0][1], after[0][1]], "one process")
        last = re.sub(r"pts/\d+|\d+:\d+", "", call(["last", "-w", "dora"]).out.splitlines()[0])
        # That is what it says of a logout in this very second.
        last = re.sub(r"\s+(- +\(\)|still running)$", " over", last)
        self.assertTrue(last.endswith(" over"), last)
        seconds, terminal_name = struct.unpack_from(
            "<i32s", Path("/var/log/lastlog").read_bytes(), self.dora.uid * 292)
        self.assertTrue(int(before) <= seconds <= time.time() + 1)
        self.assertEqual(line, terminal_name.rstrip(b"\0").decode())
        strip = lambda entry: (entry[0], entry[2] == line, *entry[3:])
        return ([strip(entry) for entry in (login, logout, during[0], after[0])],
                who[:1] + who[-1:], last)

    def test_login_and_logout_are_recorded_as_before(self):
        self.assertEqual((7, True, "dora", "127.0.0.1"), self.as_before(self.work)[0][0])

    def test_login_and_logout_with_restricted_files_are_recorded(self):
        self.as_before(self.work, FILES)

    def test_logout_is_recorded_after_the_supervisor_was_killed(self):
        bare = self.work()
        self.confine()
        self.assertEqual(bare, self.work(lambda: os.kill(supervisors()[0], signal.SIGKILL)))


class End(SshTest):
    """The connection closes when the last process that holds it is gone, not later."""

    def seconds(self, command, count=5):
        taken = []
        for _ in range(count):
            start = time.monotonic()
            self.assertEqual(0, self.ssh(command).status)
            taken.append(time.monotonic() - start)
        return min(taken)  # a busy machine delays some, a held descriptor all

    def test_login_with_a_process_left_behind_ends_at_once(self):
        command = "sleep 1000 >/dev/null 2>&1 </dev/null &"
        before = self.seconds(command)
        self.confine()
        self.assertLess(self.seconds(command), before + 0.5)
        eventually(lambda: len(self.dora.processes("sleep")) == 5, "they outlive their logins")

    def test_login_whose_process_holds_the_streams_ends_with_it(self):
        def work():
            client = self.background("echo ready; sleep 0.5 & exit 3")
            start = time.monotonic()
            self.assertEqual(3, client.wait(10))
            return time.monotonic() - start > 0.3
        self.assertTrue(self.as_before(work))

    def test_supervisor_of_a_left_process_holds_nothing_of_sshd(self):
        self.confine()
        self.assertEqual(0, self.ssh("sleep 1000 >/dev/null 2>&1 </dev/null &").status)
        supervisor, = supervisors()
        links = [os.readlink(entry) for entry in Path(f"/proc/{supervisor}/fd").iterdir()]
        self.assertEqual(["/dev/null"] * 3, sorted(link for link in links if link[0] == "/")[:3])
        kinds = sorted(re.sub(r"\d+", "N", link) for link in links)
        self.assertEqual([], [kind for kind in kinds if "pipe" in kind or "ptmx" in kind], kinds)
        self.dora.end_processes()
        eventually(lambda: not supervisors(), "the supervisor ends with the last process")
