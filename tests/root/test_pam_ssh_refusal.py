# SPDX-License-Identifier: BSD-3-Clause
"""What must refuse an ssh login by the PAM module, and what a session may try from within."""
import os
import re
import signal
from pathlib import Path

from commands import call, eventually
from machine import PUBLIC
from stage import PREFIX, STAGE
from test_pam import FIRST, LAST, STACKS
from test_pam_ssh import SshTest, supervisors

ROOT_KEYS = Path("/etc/ssh/keys_root")
SUPERVISOR = PREFIX / "libexec/sandlock/sandlock-supervisor"


class Broken(SshTest):
    """Each fault refuses dora, who reaches nobody, and lets root in."""

    sound = set()  # the classes of which it was seen that without a fault all is well

    def setUp(self):
        super().setUp()
        self.other = self.listen(PUBLIC)
        ROOT_KEYS.write_text(STAGE.key.with_suffix(".pub").read_text())
        self.ran = self.dora.home / "ran"
        self.confine()
        if type(self) not in Broken.sound:
            self.assertEqual(0, self.log_in().status, "before any fault")
            self.assertEqual(0, self.other.arrivals())
            Broken.sound.add(type(self))

    def log_in(self):
        """Nothing is forked: the shell would wait long for a process that it cannot have."""
        return self.ssh(f": >ran; : </dev/tcp/{PUBLIC}/{self.other.port}; true")

    def assert_refused(self, logged=None, status=(254, 255)):
        self.ran.unlink(missing_ok=True)
        done = self.log_in()
        self.assertIn(done.status, status, done)
        self.assertFalse(self.ran.exists())
        self.assertEqual("", self.ssh("-W", f"{PUBLIC}:{self.other.port}").out)
        self.assertEqual(0, self.other.arrivals())
        if logged:
            self.log.wait(logged)
        self.assert_root_comes_in()

    def assert_root_comes_in(self):
        argv = ["root@127.0.0.1" if word == "dora@127.0.0.1" else word
                for word in self.ssh_argv("id -u; exit 3")]
        done = call(argv)
        self.assertEqual((3, "0\n"), (done.status, done.out), done)

    def lines(self, first=FIRST, last=LAST):
        (STACKS / "sshd").write_text(self.stacks["sshd"])
        self.stack("sshd", first=first, last=last)


class Stacks(Broken):
    def test_missing_auth_line_refuses(self):
        self.lines(first="")
        self.assert_refused()

    def test_missing_session_line_refuses(self):
        self.lines(last="")
        self.assert_refused("pam_sandlock did not open this session")

    def test_earlier_sufficient_auth_line_refuses(self):
        self.lines(first="auth sufficient pam_permit.so\n" + FIRST)
        self.assert_refused()

    def test_earlier_sufficient_session_line_refuses(self):
        self.lines(last="session sufficient pam_permit.so\n" + LAST)
        self.assert_refused()

    def test_earlier_failure_of_setcred_refuses(self):
        self.lines(first="auth requisite pam_deny.so\n" + FIRST)
        self.assert_refused()

    def test_later_failure_of_setcred_leaves_the_session_confined(self):
        self.lines(first=FIRST + "auth required pam_deny.so\n")
        done = self.log_in()
        self.assertEqual(0, self.other.arrivals())
        self.assertIn("Permission denied", done.err)

    def test_unknown_value_of_an_argument_refuses(self):
        self.lines(last="session required {module} mode=gates\n")
        self.assert_refused("login refused: unknown value")

    def test_refusal_of_an_optional_session_line_refuses(self):
        self.lines(last="session optional {module}\n")
        STAGE.policy("[network]\nnonsense = 1\n", "dora")
        self.assert_refused("pam_sandlock did not open this session")

    def test_session_line_twice_is_one_session(self):
        self.lines(last=LAST + LAST)
        done = self.log_in()
        self.assertEqual(0, done.status, self.log.lines)
        self.assertIn("Permission denied", done.err)
        self.assertEqual(0, self.other.arrivals())
        self.background("echo ready; exec cat")
        self.assertEqual(1, len(supervisors()))

    def test_user_whom_no_policy_names_is_as_free_as_before(self):
        STAGE.policy(None, "dora")
        self.assert_free()

    def assert_free(self):
        done = self.ssh(f"cat </dev/tcp/{PUBLIC}/{self.other.port}; grep Seccomp: /proc/$$/status")
        self.assertEqual("hello\nSeccomp:\t0\n", done.out)

    def test_exempt_user_is_as_free_as_before(self):
        self.lines(last="session required {module} exempt=nobody,dora\n")
        self.assert_free()


class Installation(Broken):
    def put(self, path, text, mode=0o755):
        """Another program in the place of ours, while the test runs."""
        kept = path.with_suffix(".kept")
        path.rename(kept)
        self.addCleanup(kept.replace, path)
        if text is not None:
            path.write_text(text)
            path.chmod(mode)

    def mode(self, path, mode):
        before = path.stat().st_mode & 0o7777
        path.chmod(mode)
        self.addCleanup(path.chmod, before)

    def test_missing_supervisor_refuses(self):
        self.put(SUPERVISOR, None)
        self.assert_refused("cannot start .*/sandlock-supervisor: No such file")

    def test_supervisor_that_is_not_executable_refuses(self):
        self.mode(SUPERVISOR, 0o644)
        self.assert_refused("cannot start .*/sandlock-supervisor: Permission denied")

    def test_supervisor_that_ends_at_once_refuses(self):
        self.put(SUPERVISOR, "#!/bin/sh\nexit 0\n")
        self.assert_refused("the supervisor exited without reporting an error")

    def test_supervisor_that_is_killed_at_its_start_refuses(self):
        self.put(SUPERVISOR, "#!/bin/sh\nkill -9 $$\n")
        self.assert_refused("the supervisor exited without reporting an error")

    def test_missing_planner_refuses(self):
        self.put(PREFIX / "libexec/sandlock/sandlock-planner", None)
        self.assert_refused("sandlock-planner: No such file")

    def test_planner_that_is_killed_refuses(self):
        self.put(PREFIX / "libexec/sandlock/sandlock-planner", "#!/bin/sh\nkill -9 $$\n")
        self.assert_refused("login refused: .* user=dora")

    def test_broken_policy_refuses(self):
        STAGE.policy("[network]\nnet_allow = 10.0.0.1\n", "dora")
        self.assert_refused("dora.conf:2")

    def test_policy_that_others_may_write_refuses(self):
        self.mode(STAGE.policy("", "dora"), 0o666)
        self.assert_refused("dora.conf")

    def test_policy_directory_that_only_root_reads_refuses(self):
        for path in (PREFIX / "etc/sandlock", STAGE.policies):
            with self.subTest(path=path):
                before = path.stat().st_mode & 0o7777
                path.chmod(0o700)
                try:
                    self.assert_refused("login refused|policy")
                finally:
                    path.chmod(before)
                self.assertEqual(0, self.log_in().status, "again")

    def test_missing_service_user_refuses(self):
        path = Path("/etc/passwd")
        text = path.read_text()
        self.addCleanup(path.write_text, text)
        path.write_text(re.sub(r"^_sandlock:.*\n", "", text, flags=re.M))
        self.assert_refused("the system user _sandlock")


class Killed(Broken):
    """root kills the supervisor."""

    def test_between_the_opening_and_the_user_refuses(self):
        script = STAGE.directory / "killer"
        script.write_text("#!/bin/sh\npkill -9 -x sandlock-superv\n")
        script.chmod(0o755)
        self.lines(last=LAST + f"session optional pam_exec.so {script}\n")
        self.assert_refused()

    def test_within_the_session_leaves_it_with_nobody_to_reach(self):
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{self.other.port}\n", "dora")
        path = str(STAGE.directory / "master")
        master = self.background("-M", "-S", path, "echo ready; exec cat")
        command = f"cat </dev/tcp/{PUBLIC}/{self.other.port}; exit 4"
        self.assertEqual("hello\n", self.ssh("-S", path, command).out)
        os.kill(supervisors()[0], signal.SIGKILL)
        eventually(lambda: not supervisors(), "it is dead")
        done = self.ssh("-S", path, command)
        self.assertEqual((4, ""), (done.status, done.out))
        self.assertIn("Function not implemented", done.err)
        self.assertEqual("", self.ssh("-S", path, "-W", f"{PUBLIC}:{self.other.port}").out)
        self.assertEqual(1, self.other.arrivals())
        master.stdin.close()
        self.assertEqual(0, master.wait(10))


class Exhausted(Broken):
    """Limits on root's process of sshd from where nothing works to where all does: never half."""

    def squeeze(self, option, values):
        script, words = STAGE.directory / "squeeze", STAGE.directory / "words"
        script.write_text(f"#!/bin/sh\nexec prlimit --pid $PPID $(cat {words})\n")
        script.chmod(0o755)
        self.lines(last=f"session optional pam_exec.so {script}\n" + LAST)
        seen = []
        for value in values:
            words.write_text(f"--{option}={value}")
            self.ran.unlink(missing_ok=True)
            self.log_in()
            self.assertEqual(0, self.other.arrivals(), value)
            seen.append(self.ran.exists())
        self.assertEqual({False, True}, set(seen), seen)
        self.assertEqual(sorted(seen), seen, "more is never worse")

    def test_descriptors(self):
        self.squeeze("nofile", (5, 10, 14, 16, 17, 18, 19, 20, 21, 24))

    def test_memory(self):
        self.squeeze("as", [mega << 20 for mega in (12, 15, 16, 17, 18, 19, 20, 40)])

    def test_processes(self):
        self.squeeze("nproc", (1, 50))
