# SPDX-License-Identifier: BSD-3-Clause
"""A policy's path is not the user's to redirect: links of others grant nothing, links of root's are followed.

Each redirect leads from a path that the policy names to /home/free, which it does not name, and which its modes
open to everybody.
"""
import json
import os
import re
import shutil
import socket
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, call, eventually
from session_test import SessionTest
from stage import PREFIX, STAGE, ctl
from test_pam_nested import NestedTest
from test_pam_ssh import SshTest

FREE = Path("/home/free")
POLICY = "[policy]\ninclude = system\n[filesystem]\n"
RIGHTS = ("read", "write", "exec")
UDP = "[network]\nnet_allow = udp://127.0.0.1:9\n"
TRY = """
place = PLACE
def read():
    open(place + "/file").close()
def append():
    with open(place + "/file", "a") as file:
        file.write("x")
def make():
    open(place + "/new", "w").close()
    os.unlink(place + "/new")
def listen_at():
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(place + "/socket")
    os.unlink(place + "/socket")
def run():
    subprocess.run([place + "/program"], check=True)
answer({call.__name__: attempt(call) for call in (read, append, make, listen_at, run)})
"""
NOTHING = dict.fromkeys(("read", "append", "make", "listen_at", "run"), "EACCES")
EVERYTHING = dict.fromkeys(NOTHING, "ok")
GRANTED = {"read": {**NOTHING, "read": "ok"}, "exec": {**NOTHING, "read": "ok", "run": "ok"},
           "write": {**EVERYTHING, "run": "EACCES"}}


def tries(place):
    return TRY.replace("PLACE", repr(str(place)))


def fill(directory, owner=0):
    """A place in which everything works bare."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o777)
    shutil.copy("/bin/true", directory / "program")
    (directory / "file").write_text("kept")
    (directory / "file").chmod(0o666)
    os.chown(directory, owner, -1)


class Redirects:
    """How a path is led elsewhere by `account`: each method makes it so and returns the path, and what is
    not followed."""

    def __init__(self, case, account):
        self.case, self.account = case, account

    def link(self, target, name):
        """As the user makes it."""
        path = self.account.home / name
        done = self.account.run(["ln", "-sfn", target, path])
        self.case.assertEqual(0, done.status, done)
        self.case.addCleanup(path.unlink, missing_ok=True)
        return path

    def directory(self, path, mode, group=-1):
        path.mkdir(parents=True)
        path.chmod(mode)
        os.chown(path, 0, group)
        self.case.addCleanup(shutil.rmtree, path)
        return path

    def own(self, name):
        path = self.account.home / name
        path.mkdir()
        os.chown(path, self.account.uid, self.account.gid)
        self.case.addCleanup(shutil.rmtree, path)
        return path

    def at_the_end(self):
        return "%h/tools", self.link(FREE, "tools")

    def in_the_middle(self):
        return "%h/work/free", self.link(FREE.parent, "work")

    def to_the_root(self):
        return "%h/machine", self.link("/", "machine")

    def relative(self):
        return "%h/relative", self.link("../free", "relative")

    def chain(self):
        self.link(FREE, "two")
        return "%h/one", self.link("two", "one")

    def parent_in_the_target(self):
        self.own("sub")
        return "%h/dots", self.link("sub/../../free", "dots")

    def below_a_directory(self):
        self.own("deep")
        return "%h/deep/link", self.link(FREE, "deep/link")

    def temporary(self):
        path = Path("/tmp/place")
        return path, self.link(FREE, path)

    def temporary_directory(self):
        path = Path("/tmp/theirs")
        call(["install", "-d", "-o", self.account.name, path])
        self.case.addCleanup(shutil.rmtree, path)
        return path / "place", self.link(FREE, path / "place")

    def in_shared_memory(self):
        path = Path("/dev/shm/place")
        return path, self.link(FREE, path)

    def in_a_directory_of_a_group(self):
        team = self.directory(Path("/home/team"), 0o2775, self.account.gid)
        return team / "tools", self.link(FREE, team / "tools")

    def in_a_sticky_directory(self):
        public = self.directory(Path("/home/public"), 0o1777)
        return public / "tools", self.link(FREE, public / "tools")

    def by_root_s_link(self):
        where = Path("/home/tools")
        where.symlink_to(self.account.home / "tools")
        self.case.addCleanup(where.unlink)
        return where, self.link(FREE, "tools")

    def by_a_moved_directory_of_root(self):
        """root made both, and one of them leads where the policy means it."""
        wanted, other = (self.directory(self.account.home / name, 0o755)
                         for name in ("wanted", "other"))
        (wanted / "link").symlink_to("/home/nothing")
        (other / "link").symlink_to(FREE)
        for names in (("wanted", "old"), ("other", "wanted"), ("old", "other")):
            done = self.account.run(["mv", *(self.account.home / name for name in names)])
            self.case.assertEqual(0, done.status, done)
        return "%h/wanted/link", wanted / "link"

    def by_a_home_behind_root_s_link(self):
        home = self.case.home_behind_a_link(self.account)
        return "%h/tools", self.link(FREE, home.resolve() / "tools")

    def by_the_directory_of_a_process(self):
        return "/proc/self/cwd", Path("/proc/self")

    def by_a_descriptor(self):
        return "/dev/stderr", Path("/proc/self")


NAMES = [name for name in vars(Redirects) if name[0] != "_" and name not in ("link", "directory", "own")]


def each(case):
    """A test for each redirect."""
    for name in NAMES:
        def test(self, name=name):
            self.redirected(*getattr(Redirects(self, self.account), name)())
        setattr(case, f"test_redirect_{name}_grants_nothing", test)
    return case


class Homes:
    """What both kinds of session need."""

    def prepare(self):
        fill(FREE)
        self.addCleanup(shutil.rmtree, FREE)

    def include_system(self):
        copy = STAGE.policies / "system.inc"
        shutil.copy(PREFIX / "share/doc/sandlock/examples/system.inc", copy)
        self.addCleanup(copy.unlink)

    def attempts(self, place, who=None):
        """What a session says of `place`. What it begins with is the user's to choose too."""
        name = (who or self.account).name
        done = call(["sh", "-c", f"exec su {name} -c 'exec {PYTHON} - 2>/dev/null' 2<{FREE}"], cwd=FREE,
                    stdin=PROBE + tries(place))
        self.assertEqual(0, done.status, done)
        return json.loads(done.out)

    def home_behind_a_link(self, account):
        """/home/by-link is root's link to /home, as /home is one to /data/home elsewhere."""
        link = Path("/home/by-link")
        link.symlink_to("/home")
        home = link / account.home.name
        self.home_is(account, home)
        self.addCleanup(link.unlink)
        return home

    def home_is(self, account, home):
        def change(directory):
            account.end_processes()
            eventually(lambda: call(["usermod", "-d", directory, account.name]).status == 0,
                       "nobody uses the account")
        change(home)
        self.addCleanup(change, account.home)

    def policy(self, path, rights=RIGHTS, more=""):
        STAGE.policy(POLICY + "".join(f"{right} = {path}\n" for right in rights) + more,
                     self.account.name)

    def redirected(self, path, link):
        for more in ("", UDP):
            self.policy(path, more=more)
            self.log.clear()
            with self.subTest(more=more):
                self.assertEqual(NOTHING, self.attempts(FREE))
                self.log.wait(rf"\[filesystem\] grants nothing: .* link={re.escape(str(link))} "
                              rf"policy=\S+/{self.account.name}.conf line=[456]")
        self.assertEqual("kept", (FREE / "file").read_text())
        self.assertEqual(["file", "program"], sorted(os.listdir(FREE)))


@each
class Shell(Homes, SessionTest):
    """By sandlock-shell: no_new_privs is always on."""

    def setUp(self):
        super().setUp()
        self.prepare()
        self.include_system()
        self.account = self.confined

    def test_place_is_open_bare(self):
        self.assertEqual(EVERYTHING, self.attempts(FREE, self.bare))

    def test_each_right_is_given_to_a_directory_and_not_to_a_link(self):
        place = self.account.home / "place"
        fill(place, self.account.uid)
        self.addCleanup(shutil.rmtree, place)
        Redirects(self, self.account).link(FREE, "linked")
        for right in RIGHTS:
            with self.subTest(right=right):
                self.policy("%h/place", [right])
                self.assertEqual(GRANTED[right], self.attempts(place))
                self.policy("%h/linked", [right])
                self.assertEqual(NOTHING, self.attempts(FREE))

    def test_link_that_a_session_makes_grants_nothing_to_the_next(self):
        tools = self.account.home / "tools"
        fill(tools, self.account.uid)
        self.addCleanup(call, ["rm", "-rf", tools, self.account.home / "away"])
        self.policy("%h/tools", more="write.home = %h\n")
        self.assertEqual(EVERYTHING, self.attempts(tools))
        done = self.account.su(f"mv tools away && ln -s {FREE} tools && cat tools/file")
        self.assertEqual((1, ""), (done.status, done.out), done)
        self.assertEqual(FREE, tools.resolve())
        self.assertEqual(NOTHING, self.attempts(FREE))
        self.assertEqual(NOTHING, self.attempts(tools))

    def test_link_grants_nothing_by_ssh(self):
        self.policy(*Redirects(self, self.account).at_the_end()[:1])
        done = self.account.ssh(f"exec {PYTHON} -", stdin=PROBE + tries(FREE))
        self.assertEqual(NOTHING, json.loads(done.out), done)
        self.assertEqual(EVERYTHING, json.loads(
            self.bare.ssh(f"exec {PYTHON} -", stdin=PROBE + tries(FREE)).out))

    def test_tools_say_which_link_of_which_path(self):
        path, link = Redirects(self, self.account).at_the_end()
        self.policy(path, ["exec"])
        expected = (rf'alice.conf:4: (warning: )?(exec: )?"{self.account.home}/tools" grants nothing: '
                    rf'"{link}" is a symbolic link that users other than root can change: write the path')
        for words, status in ((["check"], 0), (["check", STAGE.policies / "alice.conf"], 0),
                              (["show", "alice"], 0), (["test", "alice", f"exec:{FREE}/program"], 1)):
            done = call([ctl(), *words])
            self.assertEqual(status, done.status, done)
            self.assertEqual(1, len(re.findall(expected, done.err)), done)

    def test_check_says_it_of_files_for_many(self):
        link = Redirects(self, self.account).temporary()[1]
        path = STAGE.policies / "team.inc"
        path.write_text(f"[filesystem]\nread = {link}\n")
        self.addCleanup(path.unlink)
        self.assertRegex(call([ctl(), "check", path]).err, 'team.inc:2: warning: read: "/tmp/place" grants nothing')


@each
class Module(Homes, NestedTest):
    """By the PAM module, no_new_privs as the policy has it."""

    def setUp(self):
        super().setUp()
        self.prepare()
        self.account = self.dora


class Root(Homes, NestedTest):
    """Who becomes root in a session, where a link of the user's leads to the machine's own files."""

    ESCAPE = Path("/etc/cron.d/escape")

    def setUp(self):
        super().setUp()
        self.prepare()
        self.account = self.dora
        self.addCleanup(self.ESCAPE.unlink, missing_ok=True)

    def root_writes(self, *places):
        """What root inside says of each place."""
        script = "; ".join(f"touch {place} 2>/dev/null && echo made || echo not" for place in places)
        done = call(["su", "dora", "-c", f"su root -c 'id -un; {script}'"])
        return done.out.split()

    def redirected(self, path):
        self.policy(path, ["write"], "exec = /opt\n")
        self.assertEqual(["root", "not"], self.root_writes(self.ESCAPE))
        self.assertFalse(self.ESCAPE.exists())
        self.policy(path, ["write"], "exec = /opt\n[session]\nno_new_privs = yes\n")
        self.assertEqual([], self.root_writes(self.ESCAPE))

    def test_link_in_the_home_leads_root_nowhere(self):
        Redirects(self, self.dora).link("/etc", "work")
        self.redirected("%h/work")

    def test_link_in_the_middle_leads_root_nowhere(self):
        Redirects(self, self.dora).link("/etc", "work")
        self.redirected("%h/work/cron.d")

    def test_link_in_a_home_behind_root_s_link_leads_root_nowhere(self):
        Redirects(self, self.dora).link("/etc", "work")
        self.home_behind_a_link(self.dora)
        self.redirected("%h/work")

    def test_link_in_a_home_that_is_root_s_link_leads_root_nowhere(self):
        Redirects(self, self.dora).link("/etc", "work")
        other = Path("/home/dora-by-link")
        other.symlink_to(self.dora.home)
        self.addCleanup(other.unlink)
        self.home_is(self.dora, other)
        self.redirected("%h/work")

    def test_link_in_tmp_leads_root_nowhere(self):
        Redirects(self, self.dora).link("/etc", "/tmp/work")
        self.redirected("/tmp/work")

    def looks_like_roots(self, directory, link):
        """Root inside may give a directory away: Landlock holds neither owners nor modes."""
        before = directory.stat()
        self.addCleanup(os.chown, directory, before.st_uid, before.st_gid)
        self.addCleanup(directory.chmod, before.st_mode & 0o7777)
        self.policy("%h", ["write"], "exec = /opt\n")
        done = call(["su", "dora", "-c", f"su root -c 'chown -h 0:0 {link} {directory} && "
                     f"chmod 0755 {directory} && id -un'"])
        self.assertEqual("root\n", done.out, done)
        after = directory.stat()
        self.assertEqual((0, 0o755), (after.st_uid, after.st_mode & 0o7777))

    def test_link_in_a_tmp_closed_by_root_leads_root_nowhere(self):
        self.looks_like_roots(Path("/tmp"), Redirects(self, self.dora).link("/etc", "/tmp/work"))
        self.redirected("/tmp/work")
        self.redirected("/tmp/work/cron.d")

    def test_link_in_another_tmp_closed_by_root_leads_root_nowhere(self):
        other = Path("/home/tmp")
        other.mkdir()
        other.chmod(0o1777)
        self.addCleanup(shutil.rmtree, other)
        screen, away = Path("/run/screen"), Path("/run/screen.away")
        screen.rename(away)
        self.addCleanup(away.rename, screen)
        screen.symlink_to(other)
        self.addCleanup(screen.unlink)
        self.looks_like_roots(other, Redirects(self, self.dora).link("/etc", other / "work"))
        self.redirected("/run/screen/work")

    def test_link_in_a_home_given_away_by_root_leads_nowhere(self):
        link = Redirects(self, self.dora).link(FREE, "work")
        self.looks_like_roots(self.dora.home, link)
        self.policy("%h/work")
        self.assertEqual(NOTHING, self.attempts(FREE))
        link.unlink()
        link.symlink_to("/etc")
        self.policy("%h/work", ["write"], "exec = /opt\n[session]\nno_new_privs = no\n")
        self.assertEqual(["root", "not"], self.root_writes(self.ESCAPE))

    def test_link_given_to_root_by_root_inside_opens_no_sockets(self):
        place = FREE / "place"
        server = self.listen(str(place), family=socket.AF_UNIX)
        link = Redirects(self, self.dora).link(FREE, "/tmp/work")
        self.looks_like_roots(Path("/tmp"), link)
        reach = f"{PYTHON} -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{place}\")'"
        for pattern, arrivals in (("/home/free/*", 1), ("/tmp/work/*", 0), ("/tmp/work/place", 0)):
            with self.subTest(pattern=pattern):
                STAGE.policy(f"[network]\nunix_allow = {pattern}\n", "dora")
                done = call(["su", "dora", "-c", reach])
                self.assertEqual(arrivals == 0, "PermissionError" in done.err, done)
                self.assertEqual(arrivals, server.arrivals())

    def test_root_writes_in_a_home_behind_root_s_link(self):
        home = self.home_behind_a_link(self.dora)
        self.policy("%h", ["write"], "exec = /opt\n")
        mark = home / "mark"
        self.assertEqual(["root", "made", "not"], self.root_writes(mark, self.ESCAPE))
        mark.unlink()


class Roots(Homes, SessionTest):
    """Links of root's go on leading where they lead."""

    def setUp(self):
        super().setUp()
        self.prepare()
        self.include_system()
        self.account = self.confined
        self.place = self.account.home / "place"
        fill(self.place, self.account.uid)
        self.addCleanup(shutil.rmtree, self.place)

    def reaches(self, path, place):
        self.policy(path)
        self.log.clear()
        self.assertEqual(EVERYTHING, self.attempts(place))
        self.assertFalse([line for line in self.log.lines if "grants nothing" in line])
        self.assertEqual(0, call([ctl(), "test", "alice", f"write:{place}/file"]).status)

    def test_home_behind_a_link_of_roots_is_reached(self):
        home = self.home_behind_a_link(self.account)
        self.reaches("%h", self.place)
        self.reaches("%h/place", home / "place")

    def test_home_that_is_a_link_of_roots_is_reached(self):
        other = Path("/home/alice-by-link")
        other.symlink_to("alice")
        self.addCleanup(other.unlink)
        self.home_is(self.account, other)
        self.reaches("%h/place", self.place)

    def test_chain_of_links_of_roots_is_reached(self):
        links = Path("/home/links")
        links.mkdir()
        self.addCleanup(shutil.rmtree, links)
        (links / "one").symlink_to("two/place")
        (links / "two").symlink_to("../links/three/../alice")
        (links / "three").symlink_to(self.account.home)
        self.reaches(links / "one", links / "one")

    def test_root_s_link_to_a_directory_of_the_user_is_reached(self):
        link = Path("/home/to-place")
        link.symlink_to(self.place)
        self.addCleanup(link.unlink)
        self.reaches(link, self.place)

    def test_links_of_the_machine_are_reached(self):
        STAGE.policy("[filesystem]\nexec = /bin /sbin /lib /lib64 /usr/bin/awk /usr/lib\nread = /var/run /etc\n"
                     "write = /dev/null\n")
        done = self.account.su("/bin/cat /etc/passwd | /usr/bin/awk 'NR == 1 { print \"seen\" }'; "
                               "ls /var/run/ >/dev/null && echo run")
        self.assertEqual("seen\nrun\n", done.out, done)

    def test_home_that_is_the_root_by_another_spelling_is_refused(self):
        self.policy("%h")
        for home in ("/", "/.", "/./."):
            with self.subTest(home=home):
                self.home_is(self.account, home)
                done = self.account.su("echo in")
                self.assertNotIn("in\n", done.out)
                self.assertIn(f'%h is "{home}", expected a home directory below /', done.err)
                self.assertEqual(1, call([ctl(), "check", STAGE.policies / "alice.conf"]).status)

    def test_links_to_links_of_proc_are_said_to_lead_nowhere(self):
        self.policy("/dev/stdin", ["read"])
        self.assertRegex(call([ctl(), "show", "alice"]).err,
                         '"/dev/stdin" grants nothing: "/proc/self" differs from process to process')


class BySsh(Homes, SshTest):
    """By sshd and the module, where the session's layer is made behind a gate."""

    def setUp(self):
        super().setUp()
        self.prepare()
        self.account = self.dora

    def attempts(self, place):
        done = self.ssh(f"exec {PYTHON} -", stdin=PROBE + tries(place))
        self.assertEqual(0, done.status, done)
        return json.loads(done.out)

    def test_link_grants_nothing(self):
        self.assertEqual(EVERYTHING, self.attempts(FREE))
        fill(FREE)
        path, link = Redirects(self, self.dora).at_the_end()
        self.confine()
        self.redirected(path, link)
        path, link = Redirects(self, self.dora).by_a_home_behind_root_s_link()
        self.redirected(path, link)
