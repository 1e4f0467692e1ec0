# SPDX-License-Identifier: BSD-3-Clause
"""Every failure of the module and of what it starts refuses the user, and never root."""
import contextlib
import re
import signal
import subprocess
from pathlib import Path

import pam_callers
from commands import call, eventually
from machine import PUBLIC
from name_services import SWITCH, services_put
from stage import PREFIX, STAGE, probe_program
from test_pam import STACKS
from test_pam_open import BROKEN, NOTHING, OpenTest

ASK = "sed -n 's/^Seccomp:\t//p' /proc/self/status"
CONFINED, FREE = "2\n", "0\n"


class FailureTest(OpenTest):
    def setUp(self):
        super().setUp()
        STAGE.policy(NOTHING, "dora")

    def su(self, user="dora", command=ASK, prefix=(), **options):
        return call([*prefix, "su", user, "-c", command], **options)

    def with_words(self, words=""):
        """Our line with `words`, on the stack as it was found."""
        if "su" in self.stacks:
            (STACKS / "su").write_text(self.stacks["su"])
        self.stack("su", words=words)

    def program(self, name):
        return PREFIX / "libexec/sandlock" / name

    @contextlib.contextmanager
    def moved(self, path, text=None):
        """Without `path`, or with a program of that text in its place."""
        away = path.with_name(path.name + ".away")
        path.rename(away)
        try:
            if text:
                path.write_text(text)
                path.chmod(0o755)
            yield
        finally:
            away.rename(path)

    @contextlib.contextmanager
    def mode(self, path, mode):
        before = path.stat().st_mode & 0o7777
        path.chmod(mode)
        try:
            yield
        finally:
            path.chmod(before)

    def refused(self, line=None, prefix=()):
        """dora is refused, root is not; the log says why."""
        done = self.su(prefix=prefix)
        self.assertEqual((done.status, done.out), (1, ""), done)
        if line:
            self.log.wait(line)
        self.root_enters(prefix)

    def root_enters(self, prefix=()):
        self.assertEqual(vars(self.su("root", "echo in", prefix)),
                         {"status": 0, "out": "in\n", "err": ""})


class Words(FailureTest):
    def test_unknown_value_refuses(self):
        for words in ("mode=foo", "mode=", "nested=foo", "conf=policies", "conf=",
                      "exempt=", "services="):
            with self.subTest(words=words):
                self.with_words(words)
                self.log.clear()
                self.refused(f"unknown value in argument .*{words}")

    def test_unknown_argument_is_logged_and_ignored(self):
        self.with_words("modus=open useless")
        self.assertEqual(self.su().out, CONFINED)
        self.log.wait('unknown pam_sandlock argument "modus=open"')
        self.log.wait('unknown pam_sandlock argument "useless"')

    def test_exempt_leaves_names_and_members_of_groups_out(self):
        subprocess.run(["groupadd", "-U", "dora", "left"], check=True)
        self.addCleanup(subprocess.run, ["groupdel", "left"], check=True)
        for words, seen in (("exempt=dora", FREE), ("exempt=bare,dora", FREE),
                            ("exempt=@left", FREE), ("exempt=bare,@left", FREE),
                            ("exempt=@dora", FREE), ("exempt=bare", CONFINED),
                            ("exempt=left", CONFINED), ("exempt=@nobody-here", CONFINED)):
            with self.subTest(words=words):
                self.with_words(words)
                self.assertEqual(self.su().out, seen)

    def test_services_are_the_only_ones(self):
        for words, seen in (("services=login,su", CONFINED), ("services=login", FREE),
                            ("services=su-l", FREE)):
            with self.subTest(words=words):
                self.with_words(words)
                self.assertEqual(self.su().out, seen)

    def test_conf_is_where_the_policies_are(self):
        other = STAGE.directory / "policies"
        other.mkdir()
        self.addCleanup(subprocess.run, ["rm", "-r", other], check=True)
        self.with_words(f"conf={other}")
        self.assertEqual(self.su().out, FREE)
        (other / "dora.conf").write_text(NOTHING)
        (other / "dora.conf").chmod(0o666)
        self.refused("dora.conf: .*writable")
        safe = STAGE.policies.parent / "other.d"
        safe.mkdir()
        self.addCleanup(subprocess.run, ["rm", "-r", safe], check=True)
        (safe / "dora.conf").write_text(NOTHING)
        self.with_words(f"conf={safe}")
        self.assertEqual(self.su().out, CONFINED)

    def test_quiet_and_debug_say_less_and_more(self):
        STAGE.policy("[network]\nnet_allow = everywhere\n", "dora")
        self.with_words()
        self.assertIn("sandlock: login refused", self.su().err)
        self.with_words("quiet")
        self.assertNotIn("sandlock", self.su().err)
        STAGE.policy(NOTHING, "dora")
        self.assertEqual(self.su().out, CONFINED)
        self.assertFalse([line for line in self.log.lines if "policy " in line])
        self.with_words("debug")
        self.assertEqual(self.su().out, CONFINED)
        self.log.wait("session of dora by su: policy .*dora.conf, open")

    def refused_caller(self, user, mode, words="id -u"):
        """A program that becomes `user` whatever our line answers."""
        return call([probe_program("pam_caller"), "nobody-knows-it", user, mode, words])

    def test_program_does_not_become_a_user_whom_nobody_knows(self):
        self.assertEqual("47999\n", self.refused_caller("47999", "on").out)
        self.stack("other")
        done = self.refused_caller("47999", "on")
        self.assertEqual("", done.out, done)
        self.log.wait("login refused: .* user=47999")

    def test_refused_logins_of_one_program_leave_one_filter(self):
        STAGE.policy(BROKEN, "dora")
        self.stack("other")
        done = self.refused_caller("dora", "often")
        self.assertEqual("1\n", done.out, done)

    def test_user_without_a_policy_is_not_confined(self):
        self.with_words()
        self.assertEqual(self.su("bare").out, FREE)
        self.assertFalse([line for line in self.log.lines if "sandlock[" in line])


class Missing(FailureTest):
    def setUp(self):
        super().setUp()
        self.with_words()
        self.assertEqual(self.su().out, CONFINED)

    def test_program_that_is_not_there_or_fails_refuses(self):
        for name, line in (("sandlock-supervisor", "supervisor"),
                           ("sandlock-planner", "planner|the plan")):
            for text in (None, "", "#!/bin/true\n", "#!/bin/false\n",
                         "#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\necho x >&3\n"):
                with self.subTest(program=name, text=text), \
                        self.moved(self.program(name), text):
                    self.log.clear()
                    # What ends in status 1 has said why.
                    said = "false" not in str(text) or "supervisor" in name
                    self.refused(line if said else None)

    def test_service_user_that_is_not_there_or_is_root_refuses(self):
        users = Path("/etc/passwd")
        before = users.read_text()
        self.addCleanup(users.write_text, before)
        lines = before.splitlines(keepends=True)
        for change in (lambda line: "", lambda line: "_sandlock:x:0:0::/:/bin/false\n"):
            with self.subTest(change=change("")):
                users.write_text("".join(change(line) if line.startswith("_sandlock:") else line
                                         for line in lines))
                self.log.clear()
                self.refused("system user _sandlock")

    def test_policies_that_cannot_be_read_refuse(self):
        for path, mode in ((STAGE.policies, 0o700), (STAGE.policies.parent, 0o700),
                           (STAGE.policies / "dora.conf", 0o600),
                           (STAGE.policies / "dora.conf", 0o666),
                           (STAGE.policies, 0o777)):
            with self.subTest(path=path.name, mode=oct(mode)), self.mode(path, mode):
                self.log.clear()
                self.refused("dora.conf|policy.d")

    def test_policies_that_are_not_there_refuse(self):
        with self.moved(STAGE.policies):
            self.refused("policy.d")

    def test_group_lookup_that_fails_refuses_whom_no_file_names(self):
        STAGE.policy(NOTHING, "@students")
        self.addCleanup(STAGE.policy, None, "@students")
        self.assertEqual(self.su("bare").out, FREE)
        groups = Path("/etc/group")
        for broken in (lambda: self.mode(groups, 0o600), lambda: self.moved(groups)):
            with broken():
                self.assertEqual(self.su("bare").status, 1)
                self.log.wait("cannot be looked up user=bare")
                self.assertEqual(self.su().out, CONFINED)
                self.root_enters()


class Directory(FailureTest):
    """A group is asked of a service that is dead, and of another one that does not know it."""

    def setUp(self):
        super().setUp()
        self.with_words()
        STAGE.policy(NOTHING, "@students")
        self.addCleanup(STAGE.policy, None, "@students")
        self.library = services_put(self, "dead", "large")

    def refuses(self, *every):
        for services in every:
            with self.subTest(services=services):
                SWITCH.write_text(f"passwd: files\ngroup: {services}\n")
                self.log.clear()
                self.assertEqual(self.su("bare").status, 1)
                self.log.wait("cannot be looked up user=bare")
                self.assertEqual(self.su().out, CONFINED)
                self.root_enters()

    def test_dead_service_refuses_whom_no_file_names(self):
        self.refuses("dead", "dead files", "files dead", "dead [NOTFOUND=return] files")

    def test_unloadable_service_refuses_whom_no_file_names(self):
        (self.library / "libnss_dead.so.2").write_text("no library")
        self.refuses("dead", "files dead", "not-installed files", "files not-installed",
                     "not-installed [UNAVAIL=continue] files")

    def test_limit_of_the_caller_hides_no_group(self):
        STAGE.policy(None, "dora")
        STAGE.policy(NOTHING, "@large")
        self.addCleanup(STAGE.policy, None, "@large")
        SWITCH.write_text("passwd: files\ngroup: files large\n")
        self.assertEqual(self.su().out, CONFINED)
        self.log.clear()
        self.refused("cannot be looked up user=dora", ["prlimit", f"--as={512 << 20}"])

    def test_services_that_cannot_be_read_refuse_whom_no_file_names(self):
        SWITCH.write_text("passwd: files\ngroup: dead files\n")
        with self.mode(SWITCH, 0o600):
            self.assertEqual(self.su("bare").status, 1)
            self.assertEqual(self.su().out, CONFINED)
            self.root_enters()

    def test_service_that_does_not_count_refuses_nobody(self):
        for services in ("files", "dead [UNAVAIL=continue] files"):
            with self.subTest(services=services):
                SWITCH.write_text(f"passwd: files\ngroup: {services}\n")
                self.assertEqual(self.su("bare").out, FREE)


class Exhausted(FailureTest):
    """Nobody gets in half confined where descriptors or memory end; root gets in as before."""

    def limited(self, option, values):
        self.with_words()
        seen = set()
        for value in values:
            prefix = ["prlimit", f"--{option}={value}"]
            (STACKS / "su").write_text(self.stacks["su"])
            before = self.su("root", "echo in", prefix)
            self.stack("su")
            done = self.su(prefix=prefix)
            seen.add(done.out)
            with self.subTest(value=value):
                self.assertIn(done.out, ("", CONFINED), done)
                after = self.su("root", "echo in", prefix)
                # What libpam cannot load it cannot ask about root.
                if before.status == 0 and "Module is unknown" not in after.err:
                    self.assertEqual(before, after)
        return seen

    def test_descriptors_end(self):
        self.assertEqual(self.limited("nofile", range(4, 24, 2)), {"", CONFINED})

    def test_address_space_ends(self):
        self.assertEqual(self.limited("as", range(7 << 19, 9 << 20, 1 << 19)), {"", CONFINED})

    def test_anything_else_ends(self):
        for option in ("core", "data", "fsize", "locks", "memlock", "msgqueue", "nproc",
                       "sigpending", "stack"):
            with self.subTest(option=option):
                self.limited(option, (0,))
        # No time at all ends a program at the next tick of the clock, if it runs then.
        self.limited("cpu", (1,))


class ExhaustedInGroup(Exhausted):
    """The same where the user is to be found in a group first."""

    def setUp(self):
        super().setUp()
        subprocess.run(["groupadd", "-U", "dora", "students"], check=True)
        self.addCleanup(subprocess.run, ["groupdel", "students"], check=True)
        STAGE.policy(None, "dora")
        STAGE.policy(NOTHING, "@students")
        self.addCleanup(STAGE.policy, None, "@students")


class Killed(FailureTest):
    """A process is killed at each of its system calls, by strace."""

    def setUp(self):
        super().setUp()
        self.listed, self.other = self.listen(PUBLIC), self.listen(PUBLIC)
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{self.listed.port}\n", "dora")
        self.with_words()

    def command(self):
        return "; ".join([f"cat </dev/tcp/{PUBLIC}/{seen.port}" for seen in (self.listed, self.other)]
                         + [ASK])

    def supervisor_traced(self, *words):
        """A login whose supervisor is under strace."""
        program = self.program("sandlock-supervisor")
        text = f"#!/bin/sh\nexec strace -qq {' '.join(map(str, words))} {program}.away \"$@\"\n"
        with self.moved(program, text):
            return self.su(command=self.command(), timeout=5)

    def opener_traced(self, *words):
        return self.su(command=self.command(), prefix=["strace", "-qq", *words], timeout=5)

    def calls(self, traced):
        """Each system call that it makes, with how often."""
        log = STAGE.directory / "calls"
        self.assertEqual(traced("-o", log).out, "hello\n" + CONFINED)
        eventually(lambda: "exit_group" in log.read_text(), "it ends")
        names = re.findall(r"^(\w+)\(", log.read_text(), re.M)
        return {name: names.count(name) for name in names if name not in ("execve", "exit_group")}

    def killed(self, traced):
        """Kills at the first and last of each call; what the logins came to."""
        ends = set()
        for name, count in self.calls(traced).items():
            for when in {1, count}:
                done = traced("-o", "/dev/null", "-e", f"inject={name}:signal=KILL:when={when}")
                with self.subTest(call=name, when=when):
                    self.assertIn(done.out, ("", CONFINED, "hello\n" + CONFINED), done)
                    self.assertEqual(self.other.arrivals(), 0)
                ends.add(done.out)
        eventually(lambda: not self.dora.processes() and not pam_callers.keepers(), "nothing stays")
        return ends

    def test_supervisor_killed_at_any_moment_lets_nothing_through(self):
        self.assertEqual(self.killed(self.supervisor_traced), {"", CONFINED, "hello\n" + CONFINED})

    def test_opener_that_is_killed_at_any_moment_leaves_nothing(self):
        self.assertIn("", self.killed(self.opener_traced))
