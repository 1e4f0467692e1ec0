# SPDX-License-Identifier: BSD-3-Clause
"""Whoever becomes root in a session: what he still can, and what set-uid programs are for.

The ways out that he tries are in test_escape_root.py.
"""
import os
from pathlib import Path

from commands import call
from stage import STAGE
from terminals import Terminal
from test_pam_nested import NestedTest


class RootTest(NestedTest):
    """dora becomes root by su, which asks for nothing here."""

    def as_root(self, *words):
        return self.inside("su root -c '", *map(str, words), "'")


class Remains(RootTest):
    """What root inside still can, as THREAT-MODEL.md says, and what he can not quite."""

    def setUp(self):
        super().setUp()
        STAGE.policy(self.rules(self.listed.port), "dora")

    def can(self, command, out=""):
        done = self.as_root(command)
        self.assertEqual((done.status, done.out, done.err), (0, out, ""), done)

    def test_what_only_modes_guard_is_read_where_read_names_it(self):
        self.can("head -c5 /etc/shadow", Path("/etc/shadow").read_text()[:5])

    def test_files_of_others_in_tmp_are_written(self):
        theirs = Path("/tmp/erins")
        theirs.write_text("hers\n")
        self.addCleanup(theirs.unlink)
        os.chown(theirs, self.erin.uid, self.erin.gid)
        theirs.chmod(0o600)
        self.can("echo his >/tmp/erins")
        self.assertEqual(theirs.read_text(), "his\n")

    def test_terminals_of_others_are_written(self):
        with Terminal(["su", "erin"]) as terminal:
            terminal.expect("ready> ")
            line = terminal.ask("tty")
            self.can(f"echo from-inside >{line}")
            terminal.expect("from-inside")

    def test_modes_and_owners_of_root_s_files_are_changed(self):
        self.can("chmod 0600 /etc/hostname && chmod 0644 /etc/hostname && chown 1:1 /etc/hostname "
                 "&& chown 0:0 /etc/hostname")

    def test_records_of_logins_are_written_and_not_emptied(self):
        record = Path("/var/log/btmp")
        before = record.read_bytes()
        self.addCleanup(record.write_bytes, before)
        self.can("printf x >>/var/log/btmp")
        self.assertEqual(record.read_bytes(), before + b"x")
        self.assertNotEqual(0, self.as_root(": >/var/log/btmp").status)
        self.assertEqual(record.read_bytes(), before + b"x")

    def test_system_file_with_a_link_in_the_home_is_written(self):
        """Nobody but root makes such a name, unless fs.protected_hardlinks is off."""
        root_s, name = Path("/home/root-s"), self.dora.home / "name"
        root_s.write_text("old\n")
        os.link(root_s, name)
        for path in (root_s, name):
            self.addCleanup(path.unlink)
        self.assertNotEqual(0, self.as_root("echo new >/home/root-s").status)
        self.can("echo new >~dora/name")
        self.assertEqual(root_s.read_text(), "new\n")


class Links(RootTest):
    def test_home_that_is_a_link_to_the_machine_s_gives_root_nothing(self):
        """root's own link, so it is followed: but nobody becomes root where the home is not the user's."""
        STAGE.policy("[policy]\ninclude = system\n[filesystem]\nexec = /opt\nwrite = %h\n", "dora")
        away = self.dora.home.with_name("dora.away")
        self.dora.home.rename(away)
        self.addCleanup(away.rename, self.dora.home)
        self.dora.home.symlink_to("/etc")
        try:
            done = call(["su", "dora", "-c", "su root -c 'echo root; touch /etc/cron.d/escape'"])
            self.assertNotIn("root", done.out)
            self.assertFalse(Path("/etc/cron.d/escape").exists())
        finally:
            self.dora.home.unlink()


class Allowed(RootTest):
    """What set-uid programs are for works as bare, unless the policy says otherwise."""

    def setUp(self):
        super().setUp()
        rule = Path("/etc/sudoers.d/dora")
        rule.write_text("dora ALL=(ALL) NOPASSWD: ALL\nDefaults !fqdn\n")
        rule.chmod(0o440)
        self.addCleanup(rule.unlink)
        STAGE.policy(self.rules(self.listed.port) + "allow_icmp = yes\nnet_allow.ping = udp://127.0.0.1:1025\n",
                     "dora")

    COMMANDS = ("sudo whoami", "sudo -u erin whoami", "sudo -u erin id", "sudo sh -c 'exit 7'",
                "su root -c whoami", "passwd -S", "ping -c1 -q 127.0.0.1 | grep -c ' 0% packet'",
               
                "sudo sh -c 'kill $$' | cat; echo ${PIPESTATUS[0]}", "sudo -n true && echo yes", "sudo cat /etc/shadow | wc -l",
                "sudo ls -ld /root | cut -c1-10", "sudo -u erin touch /tmp/erins && sudo rm /tmp/erins",
                "mkdir -p d && chmod 2775 d && stat -c %a d", "install -m 4755 /bin/true f && stat -c %a f",
                "touch a && python3 -c 'import os; os.setxattr(\"a\", \"user.x\", b\"y\")'; echo $?",
                "python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(437, -100, b\".\", (ctypes.c_uint64 * 3)(), 24) > 0)'",
                "umask 0; python3 -c 'import os; os.close(os.open(\"g\", os.O_CREAT, 0o2755))'; "
                "stat -c %a g; rm -f g")

    def test_they_work_as_bare(self):
        for command in self.COMMANDS:
            with self.subTest(command=command):
                script = f". {self.dora.write('command', command)}"
                bare = self.dora.run(["bash", "-c", script])
                self.assertEqual(bare, call(["su", "dora", "-c", script], cwd=self.dora.home))

    def test_root_is_confined_as_the_user_is(self):
        done = self.inside(f"sudo bash -c '{self.reach()}'")
        self.assertEqual(done.out, "hello\n", done)
        self.assertEqual(self.arrivals(), (1, 0))

    def test_no_new_privs_makes_them_give_nothing(self):
        for words, write in (("no_new_privs = yes", "%h"), ("no_new_privs = auto", "%h /srv")):
            STAGE.policy(self.rules(self.listed.port, write) + f"[session]\n{words}\n", "dora")
            for command in ("sudo whoami", "su root -c whoami"):
                with self.subTest(words=words, command=command):
                    done = self.inside(command)
                    self.assertEqual(done.out, "")
                    self.assertNotEqual(done.status, 0)
            self.assertIn("NoNewPrivs:\t1", self.inside("cat /proc/self/status").out)

    def test_capabilities_bound_what_they_can(self):
        ask = "grep CapBnd /proc/self/status"
        STAGE.policy(self.rules(self.listed.port) + "[session]\ncapabilities = none\n", "dora")
        self.assertEqual(self.inside(ask).out, "CapBnd:\t0000000000000000\n")
        for command in ("sudo whoami", "su root -c whoami"):
            done = self.inside(command)
            self.assertEqual(done.out, "")
            self.assertNotEqual(done.status, 0)
        STAGE.policy(self.rules(self.listed.port)
                     + "[session]\ncapabilities = setuid cap_setgid\n", "dora")
        self.assertEqual(self.inside(ask).out, "CapBnd:\t00000000000000c0\n")
        self.assertEqual(self.inside("su root -c whoami").out, "root\n")
