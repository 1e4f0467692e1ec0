# SPDX-License-Identifier: BSD-3-Clause
"""The two kinds of tests: logins of confined users, and drafts that are run by anybody."""
import json
import re
import tempfile
import unittest
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, call
from listeners import listen
from stage import STAGE, ctl


class SessionTest(unittest.TestCase):
    """A test of logins; POLICY is alice's while it runs."""

    POLICY = ""

    def setUp(self):
        self.bare, self.confined, self.log = STAGE.bare, STAGE.confined, STAGE.log
        STAGE.policy(self.POLICY)
        self.log.clear()
        self.addCleanup(self._leave)

    def _leave(self):
        for account in (self.bare, self.confined):
            account.end_processes()
        STAGE.policy(None)

    listen = listen

    def both(self, work):
        """`work(account)` bare, then confined: the second must be as the first. Returns it."""
        expected = work(self.bare)
        STAGE.log.clear()
        got = work(self.confined)
        text = json.dumps(expected, default=repr)
        for mine, theirs in ((self.bare.name, self.confined.name),
                             (self.bare.uid, self.confined.uid)):
            text = re.sub(rf"\b{mine}\b", str(theirs), text)
        plain = json.loads(text)
        self.assertEqual(plain, json.loads(json.dumps(got, default=repr)))
        return expected


class DraftTest(unittest.TestCase):
    """A test of `sandlockctl run FILE -- …` by whoever runs the tests, who is not root."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="sandlock-live.")
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)

    listen = listen

    def draft(self, policy):
        path = self.directory / "draft.conf"
        path.write_text(policy)
        path.chmod(0o644)
        return path

    def argv(self, policy, *words):
        return [str(ctl()), "run", str(self.draft(policy)), "--", *words]

    def run_draft(self, *words, policy="", **options):
        return call(self.argv(policy, *words), **options)

    def probe(self, source):
        return PROBE + source

    def python(self, source, policy=""):
        done = self.run_draft(PYTHON, "-", policy=policy, stdin=PROBE + source)
        if done.status != 0:
            raise AssertionError(f"status {done.status}: {done.err}")
        return json.loads(done.out)
