# SPDX-License-Identifier: BSD-3-Clause
"""Sessions that pam_sandlock opens: sshd, su, login, sudo."""
from pathlib import Path

from accounts import PAM_PORT, Account
from machine import PUBLIC
from session_test import SessionTest
from stage import PREFIX, STAGE

STACKS = Path("/etc/pam.d")
FIRST = "auth [success=ok ignore=ignore default=bad] {module}\n"
ACCOUNT = "account required {module} {words}\n"
LAST = "session required {module} {words}\n"


def module():
    return PREFIX / "lib/security/pam_sandlock.so"


class PamTest(SessionTest):
    """dora, whose shell is bash, is confined by the module alone."""

    dora = None

    def setUp(self):
        super().setUp()
        if not PamTest.dora:
            PamTest.dora = Account("dora", "/bin/bash", STAGE.key)
        self.dora = PamTest.dora
        self.stacks = {}
        STAGE.policy(None)
        self.addCleanup(self._restore)

    def _restore(self):
        self.dora.end_processes()
        STAGE.policy(None, "dora")
        for name, text in self.stacks.items():
            (STACKS / name).write_text(text)

    def stack(self, service, first="", last=LAST, words=""):
        """The service's stack with our lines around it."""
        path = STACKS / service
        text = self.stacks.setdefault(service, path.read_text())
        path.write_text(first.format(module=module(), words=words) + text
                        + last.format(module=module(), words=words))

    def ssh(self, *words, **options):
        return self.dora.ssh(*words, port=PAM_PORT, **options)


class Reach(PamTest):
    """The same rules by every program, shown by live listeners."""

    def reach(self, run):
        """`run(command)` logs in; one address is listed and another is not."""
        listed, other = self.listen(PUBLIC), self.listen(PUBLIC)
        command = "; ".join(f"cat </dev/tcp/{PUBLIC}/{seen.port}" for seen in (listed, other))
        self.assertEqual(run(command).out, "hello\nhello\n", "without the module")
        self.assertEqual((listed.arrivals(), other.arrivals()), (1, 1))
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{listed.port}\n", "dora")
        for service in ("su", "su-l"):
            self.stack(service)
        self.stack("sshd", first=FIRST)
        done = run(command)
        self.assertEqual(done.out, "hello\n")
        self.assertIn("Permission denied", done.err)
        self.assertEqual((listed.arrivals(), other.arrivals()), (1, 0))
        self.log.wait(rf"denied user=dora .*destination={PUBLIC}:{other.port} rule=default")

    def test_su_reaches_what_the_policy_names(self):
        self.reach(self.dora.su)

    def test_ssh_reaches_what_the_policy_names(self):
        self.reach(self.ssh)
