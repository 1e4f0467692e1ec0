# SPDX-License-Identifier: BSD-3-Clause
"""Modes of files and directories: sandlockctl says what the login of the same moment meets."""
import json
import os
import subprocess

from commands import PYTHON, call
from stage import STAGE, ctl
from test_pam import STACKS
from test_pam_failure import CONFINED, FailureTest
from test_pam_open import NOTHING

FRAGMENT = "[policy]\ninclude = more\n" + NOTHING


class Modes(FailureTest):
    """dora comes in by PAM, alice by her shell."""

    def setUp(self):
        super().setUp()
        self.with_words()
        self.file("more.inc")
        for name in ("dora", "alice"):
            STAGE.policy(FRAGMENT, name)
            self.addCleanup(STAGE.policy, None, name)

    def file(self, name, text=NOTHING):
        path = STAGE.policies / name
        path.write_text(text)
        path.chmod(0o644)
        self.addCleanup(path.unlink, missing_ok=True)
        return path

    def answers(self, user):
        """Whether `user` gets in, and whether each subcommand says so."""
        login = self.su().out == CONFINED if user == "dora" else self.confined.su("true").status == 0
        show, test = call([ctl(), "show", user]), call([ctl(), "test", user, "bind:80"])
        pam = json.loads(call([ctl(), "pam", "--json", user]).out)
        self.errors = show.err
        return (login, show.status == 0, test.status == 1,
                not any("refused everywhere" in finding["text"] for finding in pam["findings"]))

    def agree(self, dora, alice=None, advice=None):
        alice = dora if alice is None else alice
        self.assertEqual((alice,) * 3, self.answers("alice")[:3], self.errors)
        self.assertEqual((dora,) * 4, self.answers("dora"), self.errors)
        done = call([ctl(), "check"])
        self.assertEqual(0 if dora and alice else 1, done.status, done)
        if advice:
            for text in (self.errors, done.err):
                self.assertIn(advice, text)

    def test_child_that_the_user_stops_is_ended(self):
        stop = ("import os, signal\nwhile True:\n"
                " for pid in filter(str.isdigit, os.listdir('/proc')):\n"
                "  try:\n"
                "   if 'sandlockctl' in open(f'/proc/{pid}/comm').read():\n"
                "    os.kill(int(pid), signal.SIGSTOP)\n"
                "    print('stopped', flush=True)\n"
                "  except OSError: pass\n")
        with subprocess.Popen([PYTHON, "-c", stop], user=self.dora.uid, group=self.dora.gid,
                              extra_groups=[], stdout=subprocess.PIPE, text=True) as stopper:
            self.addCleanup(stopper.kill)
            for _ in range(50):
                done = call([ctl(), "test", "dora", "read:/"])
                if "took longer than 15 s" in done.err:
                    break
            stopper.kill()
            self.assertIn("stopped", stopper.stdout.read())
        self.assertEqual(2, done.status)
        self.assertIn("reading with the rights of dora took longer than 15 s and was stopped", done.err)

    def test_files_of_any_mode(self):
        self.agree(True)
        for name in ("dora.conf", "more.inc"):
            for mode in (0o600, 0o640, 0o000, 0o620):
                path = STAGE.policies / name
                with self.subTest(name=name, mode=oct(mode)), self.mode(path, mode):
                    self.agree(False, alice=name == "dora.conf", advice=f"chmod 0644 {path}")

    def test_directories_of_any_mode(self):
        for path, mode in ((STAGE.policies, 0o700), (STAGE.policies, 0o750),
                           (STAGE.policies.parent, 0o700), (STAGE.policies.parent.parent, 0o750)):
            with self.subTest(path=path, mode=oct(mode)), self.mode(path, mode):
                self.agree(False, advice=f"chmod 0755 {path}")

    def test_directory_that_can_only_be_entered(self):
        """Enough for a user's own file, and for no other."""
        with self.mode(STAGE.policies, 0o711):
            for user in ("dora", "alice"):
                self.assertEqual((True,) * 3, self.answers(user)[:3])
            STAGE.policy(None, "dora")
            self.file("default.conf")
            self.assertEqual((False,) * 4, self.answers("dora"))
            self.assertEqual(1, call([ctl(), "check"]).status)

    def test_group_of_the_reader_counts(self):
        """A file that alice may read by a group of hers, while the service user may not."""
        subprocess.run(["groupadd", "-U", "alice", "readers"], check=True)
        self.addCleanup(subprocess.run, ["groupdel", "readers"], check=True)
        for name in ("alice.conf", "more.inc"):
            subprocess.run(["chgrp", "readers", STAGE.policies / name], check=True)
        with self.mode(STAGE.policies / "alice.conf", 0o640), \
                self.mode(STAGE.policies / "more.inc", 0o640):
            self.assertEqual((False,) * 4, self.answers("alice"))
            self.assertEqual((False,) * 4, self.answers("dora"))
            # By the shell alone.
            (STACKS / "su").write_text(self.stacks["su"])
            self.assertEqual((True,) * 3, self.answers("alice")[:3])

    def test_what_a_login_starts_is_executable(self):
        for name, mode in (("sandlock-planner", 0o644), ("sandlock-supervisor", 0o644)):
            with self.subTest(name=name, mode=oct(mode)), self.mode(self.program(name), mode):
                self.assertEqual(1, self.su().status)
                done = call([ctl(), "check"])
                self.assertEqual(1, done.status)
                self.assertIn(f"{name}: uid", done.err)

    def test_what_a_session_needs_is_executable(self):
        for name in ("sandlock-resolver", "sandlock-network"):
            with self.subTest(name=name), self.mode(self.program(name), 0o644):
                done = call([ctl(), "check"])
                self.assertEqual(1, done.status)
                self.assertIn(f"{name}: uid", done.err)

    def test_draft_of_root_is_read_by_root(self):
        draft = STAGE.directory / "private"
        draft.mkdir(mode=0o700)
        self.addCleanup(subprocess.run, ["rm", "-r", draft], check=True)
        path = draft / "alice.conf"
        path.write_text(NOTHING)
        path.chmod(0o600)
        self.assertEqual(0, call([ctl(), "check", path]).status)
        installed = STAGE.policies / "alice.conf"
        with self.mode(installed, 0o600):
            self.assertEqual(1, call([ctl(), "check", installed]).status)
            os.symlink(STAGE.policies, draft / "d")
            self.assertEqual(1, call([ctl(), "check", draft / "d/alice.conf"]).status)
