# SPDX-License-Identifier: BSD-3-Clause
"""Within an ssh session of the PAM module: hostile tries, and sessions in the session."""
import json
import os
import re
import socket
import subprocess
from pathlib import Path

from accounts import PROBE, SSH_OPTIONS
from commands import PYTHON, call, eventually
from machine import PUBLIC
from stage import PREFIX, STAGE
from terminals import Terminal
from test_pam_ssh import FILES, PASSWORD, SshTest, supervisors
from test_pam_ssh_as_before import records

TRIES = """
import ctypes, resource
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PIDFD_GETFD = 0x4206, 438
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
def word(pid, name):
    with open(f"/proc/{pid}/status") as status:
        return next(line.split()[1] for line in status if line.startswith(name + ":"))
def named(name):
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and word(pid, "Name") == name]
def peek(pid):
    there = (ctypes.c_ulong * 2)(0x400000, 8)
    here = (ctypes.c_ulong * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    checked(LIBC.process_vm_readv(pid, here, 1, there, 1, 0))
TRIES = {
    "signal": lambda pid: os.kill(pid, signal.SIGCONT),
    "stop": lambda pid: os.kill(pid, signal.SIGSTOP),
    "pidfd": lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGCONT),
    "descriptor": lambda pid: checked(LIBC.syscall(PIDFD_GETFD, os.pidfd_open(pid), 0, 0)),
    "trace": lambda pid: checked(LIBC.ptrace(PTRACE_SEIZE, pid, 0, 0)),
    "memory": peek,
    "file": lambda pid: open(f"/proc/{pid}/mem"),
    "limit": lambda pid: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)),
    "nice": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "user": lambda pid: os.setpriority(os.PRIO_USER, int(word(pid, "Uid")), 19),
    "affinity": lambda pid: os.sched_setaffinity(pid, {0}),
    "scheduler": lambda pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
    "group": lambda pid: os.killpg(pid, signal.SIGCONT),
    "score": lambda pid: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"),
}
def tried(pid):
    return sorted(name for name, call in TRIES.items() if attempt(call, pid) == "ok")
SSHD = os.getppid()
MONITOR = int(word(SSHD, "PPid"))
"""


def parent(pid):
    return int(re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


class Inside(SshTest):
    def python(self, source):
        """What `source` prints, as JSON, run in a login by ssh."""
        done = self.ssh(f"exec {PYTHON} -", stdin=PROBE + TRIES + source)
        self.assertEqual((0, ""), (done.status, done.err))
        return json.loads(done.out)


class Keepers(Inside):
    """Nobody in the session takes hold of what keeps it."""

    def setUp(self):
        super().setUp()
        self.confine()

    def test_supervisor_is_out_of_reach(self):
        self.assertEqual([[]], self.python(
            "answer([tried(pid) for pid in named('sandlock-superv')])"))

    def test_monitor_of_sshd_is_out_of_reach(self):
        # Its process group is reached: the user's own process of sshd is in it.
        self.assertEqual(["0", ["group"]],
                         self.python("answer([word(MONITOR, 'Uid'), tried(MONITOR)])"))

    def test_sshd_of_the_user_is_as_confined_as_his_shell(self):
        words = ("Uid", "Gid", "CapBnd", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp",
                 "Seccomp_filters")
        mine, his = self.python(f"answer([[word(pid, name) for name in {words}]"
                                " for pid in (SSHD, os.getpid())])")
        self.assertEqual(mine, his)
        self.assertEqual(["2", "2"], mine[-2:])

    def test_sshd_of_the_user_is_read_by_nobody(self):
        answers = self.python("answer([attempt(TRIES[name], SSHD) for name in "
                              "('trace', 'memory', 'file', 'descriptor')])")
        self.assertNotIn("ok", answers)

    def test_processes_of_the_user_outside_are_out_of_reach(self):
        # pylint: disable-next=consider-using-with
        outside = subprocess.Popen(["sleep", "1000"], user=self.dora.uid, group=self.dora.gid)
        self.addCleanup(outside.wait)
        self.addCleanup(outside.kill)
        reached = self.python(f"answer(tried({outside.pid}))")
        # Of the same uid: what Landlock does not know of is left, and leads to nobody.
        harmless = {"limit", "nice", "affinity", "scheduler", "score"}
        self.assertEqual(set(), set(reached) - harmless)

    def test_second_change_to_the_own_uid_works(self):
        self.assertEqual(["ok"] * 3, self.python("""
uid = os.getuid()
answer([attempt(os.setresuid, uid, uid, uid), attempt(os.setreuid, uid, uid),
        attempt(os.setuid, uid)])"""))

    def test_listener_of_the_session_is_held_by_nobody_in_it(self):
        held = self.python("""
answer([os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")])""")
        self.assertEqual([], [link for link in held if "seccomp" in link])
        client = self.background("echo ready; exec cat")
        processes = self.dora.processes()
        self.assertTrue(processes)
        holders = processes + [parent(pid) for pid in processes]
        links = [os.readlink(entry) for pid in holders
                 for entry in Path(f"/proc/{pid}/fd").iterdir()]
        self.assertEqual([], [link for link in links if "seccomp" in link])
        mine = [os.readlink(entry) for entry in Path(f"/proc/{supervisors()[0]}/fd").iterdir()]
        self.assertEqual(1, len([link for link in mine if "seccomp" in link]))
        self.end(client)


class Nested(Inside):
    """A session in the session is the same one, whichever way it starts."""

    def setUp(self):
        super().setUp()
        self.listed, self.other = self.two()
        self.policy = (f"{FILES}exec = %h {PREFIX}\n"
                       f"[network]\nnet_allow = {PUBLIC}:{self.listed.port}\n")
        self.command = "; ".join(f"cat </dev/tcp/{PUBLIC}/{there.port}"
                                 for there in (self.listed, self.other))

    def test_su_to_oneself_reaches_what_the_policy_names(self):
        self.dora.password(PASSWORD)
        self.addCleanup(call, ["usermod", "-p", "*", "dora"])
        self.stack("su")
        def work():
            with Terminal(self.ssh_argv(f"su dora -c '{self.command}; echo over'", tty=True)) as su:
                su.expect("Password: ")
                su.send(PASSWORD + "\r")
                said = su.expect("(?s)\r\n(.*)over").group(1)
                return said.count("hello"), said.count("Permission denied"), su.wait()
        self.assert_rules(work, self.listed, self.other, self.policy, bare=(2, 0, 0),
                          refused=(1, 2, 0))

    def test_login_shell_that_confines_too_reaches_listed_ports(self):
        call(["usermod", "-s", STAGE.shell, "dora"])
        self.addCleanup(call, ["usermod", "-s", "/bin/bash", "dora"])
        self.confine(self.policy)
        done = self.ssh(self.command + "; grep Seccomp_filters /proc/self/status; exit 6")
        self.assertEqual((6, "hello\nSeccomp_filters:\t2\n"), (done.status, done.out), done)
        self.assertEqual((1, 0), (self.listed.arrivals(), self.other.arrivals()))
        self.assertEqual("", self.ssh("-W", f"{PUBLIC}:{self.other.port}").out)
        done = call(["sftp", "-q", *SSH_OPTIONS, "-i", STAGE.key, "-P", self.port, "-b", "-",
                     "dora@127.0.0.1"], stdin="pwd\n")
        self.assertIn("/home/dora", done.out)
        with Terminal(self.ssh_argv(tty=True)) as terminal:
            terminal.expect("ready> ")
            terminal.send("exit 9\r")
            self.assertEqual(9, terminal.wait())

    def test_tmux_of_an_earlier_login_reaches_listed_ports(self):
        def work():
            with Terminal(self.ssh_argv(tty=True), TERM="xterm") as first:
                first.expect("ready> ")
                first.send("tmux -f /dev/null new-session\r")
                eventually(lambda: len(self.dora.processes("bash")) == 2, "a shell in tmux runs")
                with Terminal(self.ssh_argv("exec tmux attach", tty=True), TERM="xterm") as second:
                    second.expect("ready> ")
                    second.send(f"({self.command}) >said 2>&1; touch done\r")
                    eventually((self.dora.home / "done").exists, "the command ends")
            (self.dora.home / "done").unlink()
            said = (self.dora.home / "said").read_text()
            return said.count("hello"), said.count("Permission denied")
        self.assert_rules(work, self.listed, self.other, self.policy, bare=(2, 0), refused=(1, 2))


class Environment(Inside):
    """What the user has PAM put into the environment of his next login."""

    def name_agent(self, path):
        self.addCleanup(self.dora.write(".pam_environment", f"SSH_AUTH_SOCK={path}\n").unlink)

    def test_socket_called_agent_that_is_none_is_not_reached(self):
        path = self.shared() / "bus"
        bus = self.listen(str(path), family=socket.AF_UNIX)
        os.chown(path, self.dora.uid, self.dora.gid)
        self.name_agent(path)
        def work():
            return self.python("""
def speak():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.environ["SSH_AUTH_SOCK"])
        client.sendall(b"word")
answer(attempt(speak))""")
        self.assertEqual(("ok", [b"word"]), (work(), bus.said()))
        self.confine()
        self.assertEqual(("EACCES", []), (work(), bus.said()))

    def test_agent_outside_signs(self):
        path = self.shared() / "agent"
        self.name_agent(path)
        def work():
            # pylint: disable-next=consider-using-with
            agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], user=self.dora.uid,
                                     group=self.dora.gid, stdout=subprocess.DEVNULL)
            eventually(path.exists, "the agent listens")
            done = self.ssh("ssh-add -q .ssh/id_ed25519; ssh-add -l")
            agent.kill()
            agent.wait()
            path.unlink()
            return done
        self.assertIn("256 ", self.as_before(work).out)


class Crowd(SshTest):
    LOGINS = 300

    def test_many_logins_at_once_are_all_confined_and_recorded(self):
        other = self.listen(PUBLIC)
        self.confine()
        wtmp = Path("/var/log/wtmp")
        start = wtmp.stat().st_size
        command = f": </dev/tcp/{PUBLIC}/{other.port}; echo ready; read line; exit 3"
        clients = [subprocess.Popen(self.ssh_argv(command, tty=True), stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                   for _ in range(self.LOGINS)]
        try:
            said = [client.stdout.readline() + client.stdout.readline() for client in clients]
            self.assertEqual({True}, {b"Permission denied" in text for text in said})
            self.assertEqual(self.LOGINS, len(supervisors()))
            self.assertEqual(self.LOGINS, len([entry for entry in records("/run/utmp")
                                               if entry[0] == 7]))
            for client in clients:
                client.stdin.write(b"\n")
                client.stdin.close()
            self.assertEqual({3}, {client.wait(30) for client in clients})
        finally:
            for client in clients:
                client.kill()
                client.wait()
                client.stdout.close()
        self.assertEqual(0, other.arrivals())
        eventually(lambda: not supervisors(), "no supervisor stays")
        kinds = sorted(entry[0] for entry in records(wtmp, start))
        self.assertEqual([7] * self.LOGINS + [8] * self.LOGINS, kinds)
