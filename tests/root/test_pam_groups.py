# SPDX-License-Identifier: BSD-3-Clause
"""Who is in a group: as initgroups(3) says, by every way in; where that cannot be known, nobody is."""
import contextlib
import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from accounts import PAM_PORT
from commands import PYTHON, call
from listeners import listen
from name_services import service_put, services_put
from stage import STAGE, ctl, probe_program
from test_pam import FIRST
from test_pam_failure import CONFINED, FREE, FailureTest
from test_pam_open import NOTHING

SEEN = "sed -n 's/^Seccomp:\t//p' /proc/self/status; id -Gn"


class GroupsTest(FailureTest):
    """Policies for groups alone, and a service of our own in nsswitch.conf."""

    def setUp(self):
        super().setUp()
        self.with_words()
        self.stack("sshd", first=FIRST)
        STAGE.policy(None, "dora")
        self.group_policy("students")
        self.library = services_put(self, "memberless")
        self.kept("/etc/group", "/etc/passwd")
        self.groups = Path("/etc/group").read_text()
        for name in ("down", "users"):
            self.addCleanup(Path(f"/etc/memberless.{name}").unlink, missing_ok=True)

    def group_policy(self, name):
        STAGE.policy(NOTHING, f"@{name}")
        self.addCleanup(STAGE.policy, None, f"@{name}")

    def kept(self, *paths):
        for path in map(Path, paths):
            self.addCleanup(path.write_text, path.read_text())

    def switch(self, group, initgroups=None, passwd="files"):
        Path("/etc/nsswitch.conf").write_text(
            f"passwd: {passwd}\n" + (f"group: {group}\n" if group else "")
            + (f"initgroups: {initgroups}\n" if initgroups else ""))

    def add(self, path, line):
        with open(path, "a", encoding="ascii") as file:
            file.write(line + "\n")

    def ssh_as(self, account):
        return account.ssh(SEEN, port=PAM_PORT)

    def both_ways(self, account, state):
        """What `account` is by su and by ssh, where it gets in; True where `id` shows the group."""
        shown = set()
        for done in (self.su(account.name, SEEN), self.ssh_as(account)):
            self.assertEqual(done.out.splitlines(True)[:1], [state], done)
            shown.add("students" in done.out.split())
        (shown,) = shown
        return shown

    def member(self):
        self.assertTrue(self.both_ways(self.dora, CONFINED))
        self.assertFalse(self.both_ways(STAGE.bare, FREE))

    def show(self, user):
        return call([ctl(), "show", user])

    def none_gets_in(self, pattern):
        """Users without a file of their own are refused, and sandlockctl says why."""
        self.log.clear()
        for done in (self.su(), self.su("bare"), self.ssh_as(self.dora), self.ssh_as(STAGE.bare)):
            self.assertNotEqual(done.status, 0)
            self.assertEqual(done.out, "")
        for user in ("dora", "bare"):
            self.log.wait(f"{pattern}.*user={user}")
        self.root_enters()
        for words, status in ((["check"], 1), (["show", "dora"], 2)):
            done = call([ctl(), *words])
            self.assertEqual(done.status, status, done)
            self.assertRegex(done.err, pattern)
        STAGE.policy(NOTHING, "dora")
        self.assertEqual(self.su().out, CONFINED)
        STAGE.policy(None, "dora")


class Members(GroupsTest):
    def test_member_that_only_initgroups_knows_is_confined(self):
        for services, other in (("files memberless", None), ("memberless files", None),
                                ("files [NOTFOUND=continue] memberless", None),
                                ("files [SUCCESS=merge] memberless", None),
                                ("files memberless", "files memberless"),
                                ("files memberless", "memberless"),
                                ("files memberless", "files [NOTFOUND=continue] memberless"),
                                ("  memberless\tfiles # of the department", None)):
            with self.subTest(group=services, initgroups=other):
                self.switch(services, other)
                self.member()

    def test_member_of_whom_initgroups_does_not_know_is_none(self):
        for services, other in (("files memberless", "files"), ("files", None),
                                ("files memberless", "files [NOTFOUND=return] memberless")):
            with self.subTest(group=services, initgroups=other):
                self.switch(services, other)
                self.assertFalse(self.both_ways(self.dora, FREE))

    def test_all_who_decide_say_the_same(self):
        self.switch("files memberless")
        self.assertIn("@students.conf: applies to dora", self.show("dora").out)
        self.assertIn("no policy", self.show("bare").err)
        self.group_policy("zz")
        self.add("/etc/group", "zz:x:47512:dora")
        done = call([ctl(), "check"])
        self.assertIn('@zz.conf: warning: user "dora" is in this group, but @students.conf applies',
                      done.err)
        users = json.loads(call([ctl(), "pam", "--json", "dora"]).out)["users"]
        self.assertEqual([("dora", "@students.conf")],
                         [(user["user"], user["policy"]) for user in users])
        for words, user, state in (("exempt=@students", "dora", FREE),
                                   ("exempt=@zz,@students", "dora", FREE),
                                   ("exempt=@other", "dora", CONFINED)):
            with self.subTest(words=words):
                self.with_words(words)
                self.assertEqual(self.su(user).out, state)

    def test_group_on_two_lines_and_two_names_of_one_gid(self):
        self.switch("files")
        for lines in (("students:x:47511:bare", "students:x:47511:dora"),
                      ("students:x:47511:", "pupils:x:47511:dora"),
                      ("pupils:x:47511:dora", "students:x:47511:")):
            with self.subTest(lines=lines):
                before = Path("/etc/group").read_text()
                for line in lines:
                    self.add("/etc/group", line)
                self.assertEqual(self.su().out, CONFINED)
                self.assertEqual(self.ssh_as(self.dora).out.splitlines(True)[0], CONFINED)
                self.with_words("exempt=@students")
                self.assertEqual(self.su().out, FREE)
                self.with_words()
                Path("/etc/group").write_text(before)

    def test_primary_group_is_enough(self):
        self.switch("files")
        self.add("/etc/group", "students:x:47511:")
        users = Path("/etc/passwd")
        users.write_text(re.sub(rf"^(dora:[^:]*:\d+):{self.dora.gid}:", r"\1:47511:",
                                users.read_text(), flags=re.M))
        self.member()

    def test_names_of_groups_that_are_odd(self):
        self.switch("files")
        STAGE.policy(None, "@students")
        for name in ("Big.Group", "domain users", "AD\\Users", "12345", "students.conf"):
            with self.subTest(name=name):
                before = Path("/etc/group").read_text()
                self.add("/etc/group", f"{name}:x:47513:dora")
                self.group_policy(name)
                self.assertEqual(self.su().out, CONFINED)
                self.assertEqual(self.su("bare").out, FREE)
                Path("/etc/group").write_text(before)
                STAGE.policy(None, f"@{name}")

    def test_user_of_many_groups(self):
        self.switch("files")
        self.add("/etc/group", "\n".join(f"g{n}:x:{50000 + n}:dora" for n in range(3000)))
        self.add("/etc/group", "students:x:49999:dora")
        self.assertEqual(self.su().out, CONFINED)

    def test_machine_without_a_switch_has_files(self):
        self.add("/etc/group", "students:x:47511:dora")
        os.unlink("/etc/nsswitch.conf")
        self.member()
        self.switch(None)
        self.member()


class Unknown(GroupsTest):
    """Nothing is taken for "not a member" that is "nobody knows"."""

    def test_dead_service_refuses_whom_no_file_names(self):
        self.switch("files memberless")
        self.member()
        for name in ("down", "users"):
            with self.subTest(name):
                Path(f"/etc/memberless.{name}").touch()
                for group, initgroups in (("files memberless", None), ("memberless files", None),
                                          ("files [SUCCESS=merge] memberless", None),
                                          ("files memberless", "files memberless"),
                                          ("files", "files memberless")):
                    # The group itself is known, by a service that is alive.
                    self.add("/etc/group", "students:x:47510:")
                    with self.subTest(group=group, initgroups=initgroups):
                        self.switch(group, initgroups)
                        self.none_gets_in("does not answer")
                os.unlink(f"/etc/memberless.{name}")

    def directory_daemon(self):
        """A socket where sssd's would be, on which somebody listens until stop() is called."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/var/lib"], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", "/var/lib"], check=True)
        path = Path("/var/lib/sss/pipes/nss")
        path.parent.mkdir(parents=True)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        path.chmod(0o666)
        server.listen(4096)
        self.addCleanup(server.close)
        return path, server.close

    def test_dead_service_that_says_not_found_refuses(self):
        service_put(self.library, "sss")
        subprocess.run(["ldconfig"], check=True)
        path, stop = self.directory_daemon()
        for initgroups in (None, "files sss"):
            self.switch("files sss", initgroups)
            self.member()
        stop()
        for there in (True, False):
            if not there:
                path.unlink()
            for known in (False, True):
                if known:  # the group itself, by a service that is alive
                    self.add("/etc/group", "students:x:47510:")
                for group, initgroups in (("files sss", None), ("sss files", None),
                                          ("files sss", "files sss"), ("files", "files sss")):
                    if group == "files" and not known:
                        continue
                    with self.subTest(there=there, known=known, group=group, initgroups=initgroups):
                        self.switch(group, initgroups)
                        self.none_gets_in('"sss" .*does not answer')
            self.switch("files sss [UNAVAIL=continue]")
            self.assertEqual(self.su().out, FREE)
            Path("/etc/group").write_text(self.groups)

    def test_group_no_directory_knows_refuses_whom_no_file_names(self):
        """As that of one who lost its network, and has no more than what it remembers."""
        self.group_policy("staff-of-the-directory")
        for group in ("files memberless", "memberless files", "files [SUCCESS=merge] memberless"):
            self.switch(group)
            self.none_gets_in('no service has the group "staff-of-the-directory"')
        for group in ("files", "files [NOTFOUND=return] memberless"):
            self.switch(group)
            self.assertEqual(self.su("bare").out, FREE)

    def test_missing_service_refuses_whom_no_file_names(self):
        for group, initgroups in (("files nowhere", None), ("nowhere files", None),
                                  ("files", "files nowhere"), ("files nowhere", "files"),
                                  ("files [NOTFOUND=return] nowhere", None),
                                  ("compat", None)):
            with self.subTest(group=group, initgroups=initgroups):
                self.switch(group, initgroups)
                if group == "compat":
                    self.add("/etc/nsswitch.conf", "group_compat: nowhere")
                self.none_gets_in('"nowhere" .*cannot be loaded')

    def broken_kinds(self):
        """Ways in which a library can be there and of no use."""
        path = self.library / "libnss_memberless.so.2"
        needed = self.library / "libx.so.6"
        self.addCleanup(needed.unlink)
        whole = path.read_bytes()

        def renamed(old, new):
            self.assertIn(old, whole)
            path.write_bytes(whole.replace(old, new))

        yield "without what it needs", lambda: renamed(b"\0libc.so.6\0", b"\0libx.so.6\0")
        yield "with text for what it needs", lambda: (
            renamed(b"\0libc.so.6\0", b"\0libx.so.6\0"), needed.write_text("no library"))
        yield "unreadable", lambda: path.chmod(0o600)
        yield "empty", lambda: path.write_bytes(b"")
        yield "cut", lambda: path.write_bytes(whole[:100])
        yield "of another machine", lambda: path.write_bytes(whole[:18] + b"\xb7\0" + whole[20:])
        yield "of 32 bits", lambda: path.write_bytes(whole[:4] + b"\x01" + whole[5:])
        yield "text", lambda: path.write_text("no library")
        yield "without a symbol", lambda: renamed(b"\0euidaccess\0", b"\0euidabsent\0")
        yield "without a function", lambda: path.write_bytes(
            probe_program("libnss_dead.so.2").read_bytes())
        yield "a directory", lambda: (path.unlink(), path.mkdir())
        yield "a link to nowhere", lambda: (path.unlink(), path.symlink_to("nowhere"))
        yield "a device", lambda: (path.unlink(), os.mknod(path, 0o020666, os.makedev(1, 3)))

    def test_library_that_is_of_no_use_refuses_whom_no_file_names(self):
        for name, spoil in self.broken_kinds():
            for group in ("files memberless", "memberless files"):
                with self.subTest(name, group=group):
                    self.switch(group)
                    service_put(self.library, "memberless")
                    spoil()
                    self.none_gets_in("cannot be loaded|provides no groups")

    def test_line_that_libc_half_reads_refuses_whom_no_file_names(self):
        self.switch("files [NOTFOUND=return] [UNAVAIL=return] memberless")
        self.none_gets_in("malformed")

    def test_two_groups_of_one_name_refuse_who_is_in_the_hidden_one(self):
        self.add("/etc/group", "students:x:47600:")
        self.switch("files memberless")
        for done in (self.su(), self.ssh_as(self.dora)):
            self.assertNotEqual(0, done.status)
            self.assertEqual("", done.out)
        self.log.wait("dora is in group students of service .memberless. with gid 47510")
        self.assertEqual(self.su("bare").out, FREE)
        self.switch("memberless files")
        self.member()

    def test_two_lines_of_one_name_refuse_who_is_in_the_hidden_one(self):
        self.switch("files")
        for lines in (("students:x:47511:bare", "students:x:47512:dora"),
                      ("students:x:47511:bare", "other:x:1:", " students:x:0047512:dora")):
            for line in lines:
                self.add("/etc/group", line)
            self.assertEqual(self.su("bare").out, CONFINED)
            for done in (self.su(), self.ssh_as(self.dora)):
                self.assertNotEqual(0, done.status)
                self.assertEqual("", done.out)
            self.log.wait("dora is in group students of service .files. with gid 47512")
            self.log.clear()
            Path("/etc/group").write_text(self.groups)

    def test_limits_of_the_caller_hide_no_group(self):
        self.switch("files memberless")
        for megabytes in range(6, 40, 2):
            with self.subTest(megabytes=megabytes):
                done = self.su(prefix=["prlimit", f"--as={megabytes << 20}"])
                self.assertIn(done.out, ("", CONFINED), done)
        for option in ("nofile", "stack", "data"):
            for value in (4, 5, 6, 8, 1 << 16):
                with self.subTest(option=option, value=value):
                    done = self.su(prefix=["prlimit", f"--{option}={value}"])
                    self.assertIn(done.out, ("", CONFINED), done)

    def test_what_cannot_be_known_exempts_nobody(self):
        STAGE.policy(NOTHING, "dora")
        self.add("/etc/group", "left:x:47514:dora")
        self.with_words("exempt=@left")
        self.switch("files")
        self.assertEqual(self.su().out, FREE)
        for group in ("files nowhere", "nowhere files"):
            self.switch(group)
            self.assertEqual(self.su().out, CONFINED)
        self.switch("files memberless")
        self.assertEqual(self.su().out, FREE)
        Path("/etc/memberless.down").touch()
        self.assertEqual(self.su().out, CONFINED)


class Named(GroupsTest):
    """Files whose names name nobody."""

    def test_group_that_is_gone_is_logged_and_an_error_of_check(self):
        self.switch("files")
        for account in (self.dora, STAGE.bare):
            self.log.clear()
            self.assertFalse(self.both_ways(account, FREE))
            line = self.log.wait(f'@students.conf: there is no group .*user={account.name}')
            self.assertTrue(line.startswith("<84>"), line)  # authpriv.warning
        done = call([ctl(), "check"])
        self.assertEqual(1, done.status)
        self.assertIn('@students.conf: there is no group "students"', done.err)
        self.add("/etc/group", "students:x:47511:dora")
        self.assertEqual(0, call([ctl(), "check"]).status)

    def test_file_that_an_editor_replaces_is_waited_for(self):
        self.switch("files")
        STAGE.policy(None, "@students")
        for name in ("dora", "@dora"):
            path = STAGE.policy(NOTHING, name)
            self.addCleanup(STAGE.policy, None, name)
            away = path.with_suffix(".away")
            path.rename(away)
            with subprocess.Popen(["su", "dora", "-c", SEEN], stdout=subprocess.PIPE, text=True) as login:
                time.sleep(0.1)
                away.rename(path)
                self.assertEqual("2", login.communicate()[0][:1], name)
            path.unlink()
        self.assertEqual(self.su().out, FREE)

    def test_file_that_is_briefly_absent_does_not_select_the_default(self):
        self.switch("files")
        STAGE.policy(None, "@students")
        STAGE.policy("[policy]\ndescription = everybody\n[network]\nnet_allow = *:*\n", "default")
        self.addCleanup(STAGE.policy, None, "default")
        path = STAGE.policy(NOTHING, "dora")
        self.addCleanup(STAGE.policy, None, "dora")
        away = path.with_suffix(".away")
        path.rename(away)
        server = listen(self)
        connect = f"{PYTHON} -c 'import socket; socket.create_connection((\"127.0.0.1\", {server.port}))'"
        with subprocess.Popen(["su", "dora", "-c", connect], stderr=subprocess.PIPE, text=True) as login:
            time.sleep(0.1)
            away.rename(path)
            self.assertIn("Permission denied", login.communicate()[1])
        self.assertEqual(0, server.arrivals())

    def test_account_by_another_name_is_confined_by_its_own_file(self):
        self.switch("files", passwd="files memberless")
        STAGE.policy(NOTHING, "dora")
        self.assertEqual(self.su("AD\\dora").out, CONFINED)
        self.assertIn("applies to dora", self.show("AD\\dora").out)

    def test_file_by_another_name_of_the_account_refuses(self):
        self.switch("files", passwd="files memberless")
        STAGE.policy(None, "@students")
        path = STAGE.policy(NOTHING, "AD\\dora")
        self.addCleanup(STAGE.policy, None, "AD\\dora")
        for user in ("dora", "AD\\dora"):
            self.log.clear()
            for done in (self.su(user), self.ssh_as(self.dora)):
                self.assertNotEqual(0, done.status)
                self.assertEqual("", done.out)
            self.log.wait("expected the file dora.conf")
            self.assertIn("expected the file dora.conf", self.show(user).err)
        self.assertEqual(self.su("bare").out, FREE)
        done = call([ctl(), "check"])
        self.assertIn(f'{path}: warning: account "AD\\dora" is called "dora"', done.err)
        self.assertIn("expected dora.conf", done.err)

    def test_file_that_is_there_and_of_no_use_refuses(self):
        path = STAGE.policies / "dora.conf"
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: path.rmdir() if path.is_dir() else path.unlink(missing_ok=True))
            for make in (lambda: path.symlink_to("nowhere"), lambda: path.symlink_to("/dev/null"),
                         lambda: (path.write_text(NOTHING), path.chmod(0o600)), lambda: os.mkfifo(path),
                         path.mkdir):
                if path.is_symlink() or path.exists():
                    path.unlink()
                make()
                self.assertEqual(1, self.su().status)
                self.log.wait("dora.conf: .*user=dora")
                self.log.clear()
