# SPDX-License-Identifier: BSD-3-Clause
"""Every failure denies: no policy, a bad one, a dead supervisor, and what no session may do."""
import os
import signal
import subprocess

from commands import eventually
from session_test import SessionTest
from stage import PREFIX, STAGE
from terminals import Terminal


class Refused(SessionTest):
    def refused(self, pattern):
        """The login ends with 125 before anything ran, one line says so, the log says why."""
        (self.confined.home / "ran").unlink(missing_ok=True)
        for way in (self.confined.ssh, self.confined.su):
            self.log.clear()
            done = way("touch ~/ran")
            with self.subTest(way=way.__name__):
                self.assertEqual((125, ""), (done.status, done.out), done)
                self.assertEqual(1, len(done.err.splitlines()), done)
                self.assertFalse((self.confined.home / "ran").exists())
                self.log.wait(pattern)

    def test_login_without_a_policy_is_refused(self):
        STAGE.policy(None)
        self.refused("alice")

    def test_login_with_a_bad_policy_is_refused_and_the_line_logged(self):
        STAGE.policy("[network]\n\nnet_allow = 127.0.0.1\n")
        self.refused(r"alice\.conf:3:")

    def test_key_that_is_not_enforced_refuses(self):
        STAGE.policy("[policy]\nmode = permissive\n")
        self.refused(r"alice\.conf:2:")

    def test_policy_that_others_may_write_is_refused(self):
        path = STAGE.policy("")
        path.chmod(0o666)
        self.addCleanup(path.unlink, True)
        self.refused(r"alice\.conf")

    def test_policy_of_another_owner_is_refused(self):
        path = STAGE.policy("")
        os.chown(path, self.confined.uid, 0)
        self.refused(r"alice\.conf.*owned by uid \d+, should be 0")

    def test_policy_that_is_a_symbolic_link_is_refused(self):
        target = STAGE.directory / "target.conf"
        target.write_text("")
        path = STAGE.policy(None)
        path.symlink_to(target)
        self.refused(r"alice\.conf")

    def test_policy_that_the_user_cannot_read_is_refused(self):
        STAGE.policy("").chmod(0o600)
        self.refused(r"alice\.conf")

    def test_policy_directory_that_others_may_write_is_refused(self):
        STAGE.policy("")
        STAGE.policies.chmod(0o777)
        self.addCleanup(STAGE.policies.chmod, 0o755)
        self.refused("policy.d")

    def test_shell_that_is_not_listed_is_refused(self):
        STAGE.policy("[session]\nshell = /usr/bin/python3\n")
        self.refused(r"alice\.conf:2:|shell")

    def test_listed_shell_is_taken(self):
        STAGE.policy("[session]\nshell = /bin/dash\n")
        self.assertEqual("/bin/dash\n", self.confined.ssh("echo $SHELL").out)
        self.assertRegex(self.confined.ssh("readlink /proc/$$/exe").out, "dash\n$")

    def test_default_policy_decides_for_who_has_no_own(self):
        STAGE.policy(None)
        STAGE.policy("", "default")
        self.addCleanup(STAGE.policy, None, "default")
        self.assertEqual(0, self.confined.ssh("true").status)

    def test_group_policy_decides_before_the_default(self):
        STAGE.policy(None)
        STAGE.policy("[session]\nshell = /bin/dash\n", "@alice")
        STAGE.policy("", "default")
        self.addCleanup(STAGE.policy, None, "default")
        self.addCleanup(STAGE.policy, None, "@alice")
        self.assertEqual("/bin/dash\n", self.confined.ssh("echo $SHELL").out)

    def test_refusal_is_written_on_a_terminal_too(self):
        STAGE.policy(None)
        with Terminal(self.confined.ssh_argv(tty=True)) as terminal:
            self.assertEqual(125, terminal.wait())
            self.assertIn("sandlock", terminal.text)

    def test_missing_supervisor_refuses(self):
        program = PREFIX / "libexec/sandlock/sandlock-supervisor"
        STAGE.policy("")
        program.rename(program.with_suffix(".away"))
        self.addCleanup(program.with_suffix(".away").rename, program)
        self.refused("supervisor")

    def test_missing_planner_refuses(self):
        program = PREFIX / "libexec/sandlock/sandlock-planner"
        STAGE.policy("")
        program.rename(program.with_suffix(".away"))
        self.addCleanup(program.with_suffix(".away").rename, program)
        self.refused("planner")


class Supervisor(SessionTest):
    def test_killed_supervisor_leaves_everything_trapped_failing(self):
        listener = self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{listener.port}\n")
        probe = f"exec 3<>/dev/tcp/127.0.0.1/{listener.port} && echo through; exec 3>&-"
        with Terminal(self.confined.ssh_argv(tty=True)) as terminal:
            terminal.expect("ready> ")
            self.assertIn("through", terminal.ask(probe))
            self.assertEqual(1, listener.arrivals())
            for pid in self.confined.processes("sandlock-supervisor"):
                os.kill(pid, signal.SIGKILL)
            for _ in range(3):
                self.assertNotIn("through", terminal.ask(f"({probe}) 2>&1; echo"))
            self.assertEqual(0, listener.arrivals())

    def test_user_cannot_attach_to_the_supervisor_or_the_parent(self):
        STAGE.policy("")
        said = self.confined.python("""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def attach(pid):
    ctypes.set_errno(0)
    return "ok" if libc.ptrace(16, pid, 0, 0) == 0 else errno.errorcode[ctypes.get_errno()]
others = []
for entry in os.listdir("/proc"):
    try:
        with open(f"/proc/{entry}/comm") as comm:
            name = comm.read().strip()
        if name.startswith("sandlock"):
            others.append(attach(int(entry)))
    except (OSError, ValueError):
        pass
answer(others)
""")
        self.assertGreaterEqual(len(said), 2)
        self.assertEqual({"EPERM"}, set(said) - {"EACCES"} or {"EPERM"})

    def test_session_cannot_signal_what_is_outside(self):
        STAGE.policy("")
        outside = self.outside()
        said = self.confined.python(f"answer(attempt(os.kill, {outside.pid}, 9))")
        self.assertEqual("EPERM", said)
        self.assertIsNone(outside.poll())

    def test_session_cannot_trace_what_is_outside(self):
        STAGE.policy("")
        outside = self.outside()
        done = self.confined.su(f"timeout 5 strace -p {outside.pid}")
        self.assertNotEqual(0, done.status)
        self.assertRegex(done.err, "Operation not permitted|Permission denied")

    def outside(self):
        """A process of the same user that no session holds."""
        process = subprocess.Popen(["sleep", "1000"], user=self.confined.uid,
                                   group=self.confined.gid, extra_groups=[])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class Ways(SessionTest):
    """A second look from inside: nothing of the login path gets wider rights."""

    def test_nested_login_shell_stays_under_the_same_policy(self):
        allowed, refused = self.listen(), self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port}\n")
        for listener, status in ((allowed, 0), (refused, 1)):
            probe = f"exec 3<>/dev/tcp/127.0.0.1/{listener.port}"
            with self.subTest(status=status):
                done = self.confined.su(f"{STAGE.shell} -c '{STAGE.shell} -c \"{probe}\"'")
                self.assertEqual(status, done.status, done)
        self.assertEqual((1, 0), (allowed.arrivals(), refused.arrivals()))

    def test_nested_login_shell_of_another_policy_is_refused(self):
        # The supervisor of the first session would go on deciding by its own policy.
        STAGE.policy("")
        login = subprocess.Popen(
            ["su", "-", "alice", "-c", f"read go; exec {STAGE.shell} -c 'echo in'"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eventually(lambda: self.confined.processes("bash"), "the first session runs")
        STAGE.policy("[network]\nnet_allow = 127.0.0.1:80\n")
        out, _ = login.communicate(b"go\n", timeout=10)
        self.assertEqual((125, b""), (login.returncode, out))

    def test_setuid_program_gains_nothing(self):
        STAGE.policy("")
        done = self.confined.su("su -c id root </dev/null")
        self.assertNotEqual(0, done.status)
        self.assertNotIn("uid=0", done.out)


class Scarce(SessionTest):
    def test_login_with_too_few_descriptors_is_refused_or_confined(self):
        allowed, refused = self.listen(), self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port}\n")
        probe = "; ".join(f"(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo {name}"
                          for name, port in (("one", allowed.port), ("two", refused.port)))
        seen = set()
        for count in range(3, 24):
            done = self.confined.run(["prlimit", f"--nofile={count}:{count}", STAGE.shell, "-c",
                                      probe + "; true"])
            seen.add((done.status, done.out))
        self.assertLessEqual({(125, ""), (0, "one\n")}, seen)
        # Where only the supervisor is short of them, its calls are refused.
        self.assertLessEqual(seen, {(125, ""), (0, "one\n"), (0, ""), (127, "")})
        self.assertEqual(0, refused.arrivals())
