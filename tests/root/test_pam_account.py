# SPDX-License-Identifier: BSD-3-Clause
"""The account line of pam_sandlock: who would be refused is told why, once; who would not is left alone."""
import re
import time
from pathlib import Path

import pam_callers
from commands import call
from machine import PUBLIC
from stage import STAGE
from terminals import Terminal
from test_pam import ACCOUNT, FIRST, LAST, STACKS
from test_pam_open import BROKEN, NOTHING, OpenTest, for_each
from test_pam_ssh import PASSWORD, PasswordTest

REASON = r"dora\.conf:2: net_allow: .*everywhere"
TOLD = rf"sandlock: login refused: /\S*{REASON}.*; ask the system administrator"
WAYS = ("publickey", "password", "keyboard-interactive")


class Client(PasswordTest):
    """A client of a real sshd that shows all that it is told."""

    def setUp(self):
        super().setUp()
        self.ran = self.dora.home / "ran"
        self.addCleanup(self.ran.unlink, missing_ok=True)

    def log_in(self, way, command="touch ran; exit 7", *options):
        return super().log_in(way, command, "-o", "LogLevel=INFO", *options)

    def each_way(self, check):
        for way in WAYS:
            self.ran.unlink(missing_ok=True)
            self.log.clear()
            with self.subTest(way=way):
                check(way)


class Ssh(Client):
    """What the client shows."""

    def test_user_of_a_sound_policy_comes_in_without_a_word(self):
        self.confine(NOTHING, first=FIRST + ACCOUNT)
        def check(way):
            done = self.log_in(way, "sed -n 's/^Seccomp:\t//p' /proc/self/status; exit 7")
            self.assertEqual((7, "2\n"), (done.status, done.out), done)
            self.assertNotIn("sandlock", done.err)
        self.each_way(check)

    def test_user_whom_no_policy_names_comes_in_without_a_word(self):
        self.confine(None, first=FIRST + ACCOUNT)
        def check(way):
            done = self.log_in(way)
            self.assertEqual(7, done.status, done)
            self.assertNotIn("sandlock", done.err)
        self.each_way(check)

    def refused(self, **stack):
        self.confine(BROKEN, **stack)
        def check(way):
            done = self.log_in(way)
            self.assertEqual(255, done.status, done)
            self.assertEqual(1, len(re.findall(TOLD, done.err)), done)
            self.assertFalse(self.ran.exists())
            self.log.wait(REASON)
            self.assertEqual(1, len([line for line in self.log.lines if re.search(REASON, line)]))
        self.each_way(check)

    def test_user_of_a_broken_policy_is_told_why(self):
        self.refused(first=FIRST + ACCOUNT)

    def test_user_of_a_broken_policy_is_told_once_by_two_lines(self):
        self.refused(first=FIRST + ACCOUNT, last=ACCOUNT + LAST)

    def test_user_of_a_broken_policy_is_told_without_a_session_line(self):
        self.refused(first=FIRST + ACCOUNT, last="")

    def test_account_line_without_weight_leaves_the_session_line(self):
        self.confine(BROKEN, first=FIRST + "account optional {module}\n")
        def check(way):
            self.assertNotEqual(7, self.log_in(way).status)
            self.assertFalse(self.ran.exists())
        self.each_way(check)

    def test_policy_that_breaks_between_the_phases_refuses(self):
        policy = STAGE.policies / "dora.conf"
        breaker = STAGE.directory / "breaker"
        breaker.write_text(f"#!/bin/sh\nprintf '{BROKEN}' >{policy}\n".replace("\n'", "\\n'"))
        breaker.chmod(0o755)
        self.confine(NOTHING, first=FIRST + ACCOUNT,
                     last=f"session optional pam_exec.so {breaker}\n" + LAST)
        self.assertNotEqual(7, self.log_in("publickey").status)
        self.assertFalse(self.ran.exists())
        self.log.wait(REASON)

    def test_policy_that_changes_between_phases_counts_as_it_is_then(self):
        listed = self.listen(PUBLIC)
        policy = STAGE.policies / "dora.conf"
        changer = STAGE.directory / "changer"
        changer.write_text(f"#!/bin/sh\nprintf '[network]\\n' >{policy}\n")
        changer.chmod(0o755)
        self.confine(f"[network]\nnet_allow = {PUBLIC}:{listed.port}\n", first=FIRST + ACCOUNT,
                     last=f"session optional pam_exec.so {changer}\n" + LAST)
        done = self.log_in("publickey", f"cat </dev/tcp/{PUBLIC}/{listed.port}")
        self.assertIn("Permission denied", done.err)
        self.assertEqual(0, listed.arrivals())

    def test_reason_cannot_write_to_the_terminal_of_the_user(self):
        self.confine("[network]\nnet_allow = \x1b]0;title\x07\n", first=FIRST + ACCOUNT)
        done = self.log_in("publickey")
        self.assertIn("sandlock: login refused", done.err)
        self.assertNotRegex(done.err, "[\x1b\x07]")


@for_each(pam_callers.ALL)
class Programs(OpenTest):
    """su, login, sudo, cron and the like with an account line at the end of the stack."""

    def setUp(self):
        super().setUp()
        self.mark = self.dora.home / "mark"
        self.addCleanup(self.mark.unlink, missing_ok=True)

    def lines(self, program):
        for service in program.services:
            self.stack(service, last=ACCOUNT + LAST)

    def each_lets_whom_a_sound_policy_names_in(self, program):
        STAGE.policy("[policy]\ninclude = system\n[filesystem]\nwrite = %h\n", "dora")
        self.lines(program)
        program(self.dora).run(f"touch {self.mark}")
        self.assertTrue(self.mark.exists())

    def each_logs_a_broken_policy_once(self, program):
        STAGE.policy(BROKEN, "dora")
        self.lines(program)
        self.log.clear()
        program(self.dora).refused(f"touch {self.mark}", REASON)
        time.sleep(0.2)
        self.assertFalse(self.mark.exists())
        lines = [line for line in self.log.lines if "sandlock" in line and re.search(REASON, line)]
        self.assertEqual(1, len(lines), self.log.lines)


class Told(OpenTest):
    """What the person at the terminal reads."""

    def setUp(self):
        super().setUp()
        STAGE.policy(BROKEN, "dora")

    def once(self, text):
        self.assertEqual(1, len(re.findall(TOLD, text)), text)

    def test_su_tells_why(self):
        for last in (ACCOUNT + LAST, LAST, ACCOUNT + ACCOUNT + LAST):
            with self.subTest(last=last):
                self.stack("su", last=last)
                done = call(["su", "dora", "-c", "true"])
                self.assertEqual(1, done.status, done)
                self.once(done.err)

    def test_sudo_says_that_the_session_is_refused(self):
        """Its account phase is about whoever runs it, and it shows nothing of the session phase."""
        self.stack("sudo", last=ACCOUNT + LAST)
        done = call(["sudo", "-u", "dora", "true"])
        self.assertEqual(1, done.status, done)
        self.assertEqual(1, done.err.count("Permission denied"), done)

    def test_login_tells_why(self):
        self.stack("login", last=ACCOUNT + LAST)
        with Terminal(["login", "-f", "dora"]) as terminal:
            terminal.wait()
            self.once(terminal.text)

    def test_root_hears_nothing(self):
        STAGE.policy(BROKEN, "default")
        self.addCleanup(STAGE.policy, None, "default")
        self.stack("su", last=ACCOUNT + LAST)
        done = call(["su", "root", "-c", "echo in"])
        self.assertEqual((0, "in\n", ""), (done.status, done.out, done.err))

    def test_one_who_may_become_root_can_correct_the_policy(self):
        rule = Path("/etc/sudoers.d/dora")
        rule.write_text("dora ALL=(root) NOPASSWD: ALL\n")
        rule.chmod(0o440)
        self.addCleanup(rule.unlink)
        self.stack("sudo", last=ACCOUNT + LAST)
        done = self.dora.run(["sudo", "-n", "id", "-u"])
        self.assertEqual((0, "0\n"), (done.status, done.out), done)
        self.assertNotIn("sandlock", done.err)
        self.assertEqual([], [line for line in self.log.lines if re.search(REASON, line)])


class Expired(Client):
    """A password that must be changed: passwd(1), which sshd runs after a key, cannot do it inside."""

    NEW = "quite another staple"

    def setUp(self):
        super().setUp()
        call(["chage", "-d", "0", "dora"])
        self.asker.write_text(f"""#!/bin/sh
case $1 in
*[Nn]ew*) echo '{self.NEW}' ;;
*) echo '{PASSWORD}' ;;
esac
""")

    def is_changed(self):
        return "password must be changed" not in call(["chage", "-l", "dora"]).out

    def test_key_login_says_so_and_ends(self):
        self.confine(NOTHING, first=FIRST + ACCOUNT)
        done = self.log_in("publickey")
        self.assertNotIn(done.status, (0, 7), done)
        self.assertFalse(self.ran.exists() or self.is_changed())

    def test_keyboard_interactive_login_changes_an_old_password(self):
        self.confine(NOTHING, first=FIRST + ACCOUNT)
        done = self.log_in("keyboard-interactive")
        self.assertEqual(7, done.status, done)
        self.assertTrue(self.is_changed())
        self.assertTrue(self.ran.exists())

    def test_key_login_goes_on_where_pam_unix_leaves_the_expiry_out(self):
        shared = STACKS / "common-account"
        text = shared.read_text()
        self.addCleanup(shared.write_text, text)
        shared.write_text(text.replace("pam_unix.so", "pam_unix.so no_pass_expiry"))
        self.confine(NOTHING, first=FIRST + ACCOUNT)
        self.assertEqual(7, self.log_in("publickey").status)
        self.assertTrue(self.ran.exists())
        self.assertNotIn(self.log_in("password").status, (0, 7))

    def test_broken_policy_is_told_before_the_password_is_changed(self):
        self.confine(BROKEN, first=FIRST + ACCOUNT)
        done = self.log_in("publickey")
        self.assertRegex(done.err, TOLD)
