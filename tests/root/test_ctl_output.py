# SPDX-License-Identifier: BSD-3-Clause
"""What sandlockctl and refusals print: no byte that a terminal obeys, and no file of somebody else's."""
import os
import subprocess
from pathlib import Path

from commands import call
from stage import STAGE, ctl
from test_pam import STACKS
from test_pam_failure import FailureTest
from test_pam_open import NOTHING

# Clears the screen, ends a line, begins a sequence in one byte (C1), turns the text around, beeps.
ODD = "\x1b[2J", "one\ntwo", "\u009b2J", "\u202egnp", "\a", "\udc9b", "\ufeff"
TOKEN = "zq7hidden"


class Escape(FailureTest):
    def plain(self, done):
        """All of it is text that moves no cursor."""
        for text in (done.out, done.err):
            odd = {byte for byte in text if byte != "\n" and not " " <= byte <= "~"}
            self.assertEqual(set(), odd, text)
        return done

    def file(self, name, text=NOTHING):
        path = os.fsencode(STAGE.policies) + b"/" + os.fsencode(name)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.chmod(path, 0o644)
        self.addCleanup(os.unlink, path)
        return path

    def test_names_of_files(self):
        for odd in ODD:
            for name in (f"{odd}.conf", f"@{odd}.conf", f"{odd}.inc", f"{odd}.bak"):
                self.file(name)
        for words in (["check"], ["status"], ["pam"], ["pam", "--json"], ["show", "dora"]):
            with self.subTest(words=words):
                self.plain(call([ctl(), *words]))
        self.assertIn("\\x1b[2J.conf", call([ctl(), "check"]).err)
        for path in Path(STAGE.policies).iterdir():
            self.plain(call([ctl(), "check", path]))

    def test_text_of_policies(self):
        values = [f"description = {odd}" for odd in ODD if "\n" not in odd]
        values += [f"{odd} = x" for odd in ODD] + [f"[{odd}]" for odd in ODD]
        values += [f"include = {odd}" for odd in ODD]
        values += [f"x = y\n[network]\nunix_allow = /{odd}" for odd in ODD]
        values += [f"x = y\n[network]\nnet_allow = {odd}:80" for odd in ODD]
        for value in values:
            with self.subTest(value=value):
                self.file("dora.conf", f"[policy]\n{value}\n")
                for words in (["check"], ["show", "dora"], ["test", "dora", "tcp://a:1"]):
                    self.plain(call([ctl(), *words]))
                self.plain(self.su())
                self._cleanups.pop()
        for odd in ODD:
            self.plain(call([ctl(), "test", "dora", f"unix:/{odd}"]))
            self.plain(call([ctl(), "test", odd.replace("\0", ""), "bind:1"]))
            self.plain(call([ctl(), "show", odd]))
        self.file("dora.conf", "[policy]\ndescription = f\u00fcr \u202ealle\n")
        self.assertIn("f\\xc3\\xbcr \\xe2\\x80\\xaealle", call([ctl(), "show", "dora"]).out)

    def test_text_of_pam_files(self):
        before = self.stacks.setdefault("su", (STACKS / "su").read_text())
        for odd in ODD:
            with self.subTest(odd=odd):
                (STACKS / "su").write_text(f"{before}session required pam_sandlock.so mode={odd}\n",
                                           errors="surrogateescape")
                STAGE.policy(NOTHING, "dora")
                self.plain(call([ctl(), "pam"]))
                self.plain(call([ctl(), "pam", "--json", "dora"]))
                self.plain(self.su())


class Sudo(FailureTest):
    """A user who may run `sandlockctl` as root, and nothing else."""

    def setUp(self):
        super().setUp()
        rule = Path("/etc/sudoers.d/checker")
        rule.write_text(f"bare ALL=(root) NOPASSWD: {ctl()}\n")
        rule.chmod(0o440)
        self.addCleanup(rule.unlink)
        self.private = Path("/etc/private")
        self.private.mkdir(mode=0o700)
        self.addCleanup(subprocess.run, ["rm", "-r", self.private], check=True)

    def check(self, *words, **options):
        done = STAGE.bare.run(["sudo", "-n", ctl(), "check", *words], **options)
        self.assertNotIn("password is required", done.err)
        return done

    def hidden(self, path, text):
        """`path`, whose bytes are nobody's business, is judged line by line and not quoted."""
        done = self.check(path)
        self.assertEqual(1, done.status, done)
        self.assertNotIn(TOKEN, done.out + done.err, text)
        return done

    def test_file_that_not_everybody_may_read_is_not_quoted(self):
        texts = (f"root:{TOKEN}:1", f"{TOKEN} = {TOKEN}", f"[{TOKEN}]\nx = y", f"[policy]\n{TOKEN} = x",
                 f"[policy]\ndescription = {TOKEN};x", f"[network]\nnet_allow = {TOKEN}",
                 f"[network]\nnet_allow = x:1 \\\n{TOKEN}", f"[policy]\nmode = {TOKEN}",
                 f"[policy]\ninclude = {TOKEN}", f"[filesystem]\nread = {TOKEN}",
                 f"[session]\nshell = /{TOKEN}", f"[policy]\n{TOKEN}.x = 1\n{TOKEN}.x = 1",
                 f"[network]\nnet_deny = {TOKEN}.example:1\n", f"[syscalls]\ndeny = {TOKEN}",
                 f"[limits]\nmemory = 1\n[limits]\nmemory = {TOKEN}")
        for text in texts:
            for path, mode in ((Path("/etc/secret"), 0o600), (Path("/etc/secret.conf"), 0o640),
                               (self.private / "open.conf", 0o644)):
                with self.subTest(text=text, path=path):
                    path.write_text(text + "\n")
                    path.chmod(mode)
                    self.addCleanup(path.unlink, missing_ok=True)
                    self.assertRegex(self.hidden(path, text).err, rf"{path}:\d+: ")

    def test_shadow(self):
        done = self.check("/etc/shadow")
        words = {word for line in Path("/etc/shadow").read_text().splitlines()
                 for word in line.split(":")[:2] if len(word) > 3}
        self.assertFalse([word for word in words if word in done.out + done.err])
        self.assertIn("/etc/shadow:1: ", done.err)

    def test_fragment_that_not_everybody_may_read_is_not_quoted(self):
        draft, fragment = Path("/etc/draft.conf"), Path("/etc/hidden.inc")
        for path in (draft, fragment):
            self.addCleanup(path.unlink, missing_ok=True)
        draft.write_text("[policy]\ninclude = hidden\n")
        fragment.write_text(f"[network]\nnet_allow = {TOKEN}\n")
        fragment.chmod(0o600)
        self.hidden(draft, "a fragment")

    def test_link_in_a_private_policy_is_not_named(self):
        link = STAGE.bare.home / TOKEN
        link.symlink_to("/etc")
        self.addCleanup(link.unlink)
        for name in ("bare", "@bare"):
            path = Path(f"/etc/{name}.conf")
            self.addCleanup(path.unlink, missing_ok=True)
            path.write_text(f"[filesystem]\nread = {link}\n")
            STAGE.bare.home.chmod(0o755)
            for mode, quoted in ((0o644, True), (0o600, False)):
                with self.subTest(name=name, mode=mode):
                    path.chmod(mode)
                    done = self.check(path)
                    self.assertRegex(done.err, r"conf:2: warning: ")
                    self.assertEqual(quoted, TOKEN in done.out + done.err, done)

    def answers(self, name):
        """What is printed of a path, without the path."""
        path = self.private / name
        yield self.check("-", stdin=f"[filesystem]\nread = {path}\n")
        yield self.check("-", stdin=f"[network]\nunix_allow = {path}\n")
        for scheme in ("read", "write", "exec", "unix"):
            yield STAGE.bare.run(["sudo", "-n", ctl(), "test", "dora", f"{scheme}:{path}"])

    def test_path_nobody_may_look_at_is_not_told_from_a_missing_one(self):
        STAGE.policy("[filesystem]\nread = /usr\n", "dora")
        (self.private / "there").write_text("")
        (self.private / "link").symlink_to("there")
        (self.private / "folder").mkdir()
        expected = [str(done).replace("absent", "X") for done in self.answers("absent")]
        for name in ("there", "link", "folder"):
            found = [str(done).replace(name, "X") for done in self.answers(name)]
            self.assertEqual(expected, found)

    def test_path_of_the_user_is_looked_at_as_the_user(self):
        STAGE.policy("[filesystem]\nread = %h\n", "dora")
        self.dora.home.chmod(0o700)
        (self.dora.home / "notes").write_text("")
        done = STAGE.bare.run(["sudo", "-n", ctl(), "test", "dora", f"read:{self.dora.home}/notes"])
        self.assertEqual(0, done.status, done)

    def test_link_leads_to_nothing(self):
        path = STAGE.bare.home / "x.conf"
        path.symlink_to("/etc/shadow")
        self.addCleanup(path.unlink)
        self.assertNotIn("shadow:", self.hidden(path, "a link").err)
        directory = STAGE.bare.home / "d"
        directory.symlink_to("/etc")
        self.addCleanup(directory.unlink)
        done = self.check(directory / "shadow")
        self.assertNotIn("root:", done.out + done.err)

    def test_names_of_a_private_directory_are_not_listed(self):
        for name in (f"{TOKEN}.conf", f"{TOKEN}.bak"):
            (self.private / name).write_text("x")
        done = self.check("--conf", self.private)
        self.assertEqual(1, done.status)
        self.assertNotIn(TOKEN, done.out + done.err)

    def test_file_for_everybody_is_quoted(self):
        path = Path("/etc/open.conf")
        path.write_text(f"[network]\nnet_allow = {TOKEN}\n")
        path.chmod(0o644)
        self.addCleanup(path.unlink)
        self.assertIn(f'expected host:port or :port, got "{TOKEN}"', self.check(path).err)
