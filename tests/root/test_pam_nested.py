# SPDX-License-Identifier: BSD-3-Clause
"""Sessions inside sessions that the module opened: su in su, su to others, the login shell inside."""
import os
import socket
from pathlib import Path

from accounts import PROBE, Account
from commands import PYTHON, call
from machine import PUBLIC
from stage import PREFIX, STAGE
from test_pam import LAST
from test_pam_open import OpenTest

ASK = "grep Seccomp_filters: /proc/self/status"
ONE = "Seccomp_filters:\t1\n"
# su without a password, as the tests have nobody to type one.
OPEN_DOOR = "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n"


class NestedTest(OpenTest):
    """dora opens the outer session; erin is another user, whose shell is bash too."""

    erin = None

    def setUp(self):
        super().setUp()
        if not NestedTest.erin:
            NestedTest.erin = Account("erin", "/bin/bash", None)
        self.addCleanup(self.erin.end_processes)
        self.addCleanup(STAGE.policy, None, "erin")
        self.listed, self.other = self.listen(PUBLIC), self.listen(PUBLIC)
        self.nested("")

    def nested(self, words):
        for service in ("su", "su-l"):
            if service in self.stacks:
                (Path("/etc/pam.d") / service).write_text(self.stacks[service])
            self.stack(service, first=OPEN_DOOR, last=LAST, words=words)

    def rules(self, port, write="%h"):
        """Rules under which su works inside; ours lies in /opt here."""
        return (f"[policy]\ninclude = system\n[filesystem]\nwrite = {write}\n"
                f"exec = {PREFIX} {STAGE.directory}\nread = /var/log\n"
                f"[network]\nnet_allow = {PUBLIC}:{port}\n")

    def reach(self):
        """A command that tries both servers."""
        return "; ".join(f"cat </dev/tcp/{PUBLIC}/{seen.port}" for seen in (self.listed, self.other))

    def inside(self, *words, user="dora"):
        """What `words` say in the outer session."""
        script = STAGE.directory / "inside"
        script.write_text(" ".join(words) + "\n")
        script.chmod(0o755)
        return call(["su", user, "-c", f". {script}"])

    def arrivals(self):
        return self.listed.arrivals(), self.other.arrivals()


class Inner(NestedTest):
    def test_su_to_oneself_adds_nothing_and_can_be_done_for_ever(self):
        STAGE.policy(self.rules(self.listed.port), "dora")
        script = self.dora.write("deeper", "if test $1 = 0; then " + ASK + "; else "
                                 "su dora -c \"bash ~/deeper $(($1 - 1))\"; fi\n")
        outer = self.inside(ASK)
        self.assertEqual(outer.out, ONE, outer)
        done = self.inside(f"bash {script} 20")
        self.assertEqual((done.status, done.out), (0, outer.out), done)

    def test_su_to_oneself_reaches_the_same(self):
        STAGE.policy(self.rules(self.listed.port), "dora")
        done = self.inside(f"su -l dora -c '{self.reach()}'")
        self.assertEqual(done.out, "hello\n", done)
        self.assertEqual(self.arrivals(), (1, 0))

    def test_su_to_a_user_of_the_same_rules_reaches_the_same(self):
        for name in ("dora", "erin"):
            STAGE.policy(self.rules(self.listed.port), name)
        done = self.inside(f"su erin -c 'whoami; {self.reach()}'")
        self.assertEqual(done.out, "erin\nhello\n", done)
        self.assertEqual(self.arrivals(), (1, 0))

    def test_su_to_a_user_of_other_endpoints_is_refused(self):
        STAGE.policy(self.rules(self.listed.port), "dora")
        STAGE.policy(self.rules(self.other.port), "erin")
        self.assertEqual(call(["su", "erin", "-c", "whoami"]).out, "erin\n")
        for words in ("", "nested=deny"):
            self.nested(words)
            self.log.clear()
            done = self.inside("su erin -c whoami")
            self.assertEqual((done.status, done.out), (1, ""), done)
            self.log.wait("login refused: this login already has another policy.* user=erin")

    def test_inherited_endpoints_stay_and_the_inner_files_hold(self):
        STAGE.policy(self.rules(self.listed.port), "dora")
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{self.other.port} {PUBLIC}:{self.listed.port}"
                     "\n[filesystem]\nexec = /\nwrite = %h /tmp/inner /dev/null\n", "erin")
        self.nested("nested=inherit")
        made = self.inside("mkdir -m 777 /tmp/inner && touch /tmp/outer && echo made")
        self.addCleanup(call, ["rm", "-r", "/tmp/inner", "/tmp/outer"])
        self.assertEqual(made.out, "made\n", made)
        done = self.inside("su erin -c '", f"whoami; {self.reach()}; touch /tmp/inner/x && echo in; "
                           "touch /tmp/out || echo not out; touch ~/x || echo not at home'")
        self.assertEqual(done.out, "erin\nhello\nin\nnot out\nnot at home\n", done)
        self.assertEqual(self.arrivals(), (1, 0))

    def test_inherited_endpoints_are_the_outer_policy_s(self):
        STAGE.policy(self.rules(f"{self.listed.port},{self.other.port}"), "dora")
        STAGE.policy("[filesystem]\nexec = /\nwrite = %h /dev/null\n"
                     f"[network]\nnet_allow = {PUBLIC}:{self.listed.port}\n", "erin")
        self.nested("nested=inherit")
        self.assertEqual(self.inside(f"su erin -c '{self.reach()}'").out, "hello\nhello\n")
        self.assertEqual(self.arrivals(), (1, 1))

    def test_unlisted_user_stays_in_the_outer_session(self):
        STAGE.policy(self.rules(self.listed.port), "dora")
        self.assertEqual(call(["su", "erin", "-c", ASK]).out, ONE.replace("1", "0"))
        done = self.inside(f"su erin -c 'whoami; {ASK}; {self.reach()}'")
        self.assertEqual(done.out, f"erin\n{ONE}hello\n", done)
        self.assertEqual(self.arrivals(), (1, 0))

    def test_root_stays_in_the_outer_session(self):
        STAGE.policy(self.rules(self.listed.port), "dora")
        done = self.inside(f"su root -c 'whoami; {ASK}; {self.reach()}'")
        self.assertEqual(done.out, f"root\n{ONE}hello\n", done)
        self.assertEqual(self.arrivals(), (1, 0))
        done = self.inside(f"su root -c \"su erin -c 'whoami; {self.reach()}'\"")
        self.assertEqual(done.out, "erin\nhello\n", done)
        self.assertEqual(self.arrivals(), (1, 0))

    def test_login_shell_of_the_same_user_is_content(self):
        """alice's shell is sandlock-shell."""
        STAGE.policy(self.rules(self.listed.port), "alice")
        for words in (("su", "-l", "alice", "-c"), ("su", "alice", "-c")):
            done = call([*words, f"whoami; {ASK}; {self.reach()}"])
            self.assertEqual(done.out, f"alice\n{ONE}hello\n", done)
            self.assertEqual(self.arrivals(), (1, 0))

    def test_login_shell_inside_another_user_s_session(self):
        STAGE.policy(self.rules(self.listed.port), "dora")
        STAGE.policy(self.rules(self.listed.port), "alice")
        done = self.inside(f"su -l alice -c 'whoami; {self.reach()}'")
        self.assertEqual(done.out, "alice\nhello\n", done)
        self.assertEqual(self.arrivals(), (1, 0))
        STAGE.policy(self.rules(self.other.port), "alice")
        done = self.inside("su -l alice -c whoami")
        self.assertEqual((done.status, done.out), (1, ""), done)


class Foreign(NestedTest):
    """The supervisor reaches unix sockets as dora; for who is not dora it reaches none."""

    def seen(self, probe, prefix=""):
        script = STAGE.directory / "probe.py"
        script.write_text(PROBE + probe)
        done = self.inside(f"{prefix} '{PYTHON} {script}'" if prefix else f"{PYTHON} {script}")
        self.assertEqual((done.status, done.err), (0, ""), done)
        return done.out.strip()

    def test_another_user_does_not_get_the_session_user_s_sockets(self):
        path, name = "/tmp/dora.sock", "\0dora-only"
        mine = self.listen(path, family=socket.AF_UNIX)
        os.chown(path, self.dora.uid, self.dora.gid)
        os.chmod(path, 0o600)
        abstract = self.listen(name, family=socket.AF_UNIX)
        STAGE.policy(self.rules(22) + f"unix_allow = own {path} @dora-only\n", "dora")
        probe = (f"answer([unix({path!r}), unix({name!r})])")
        self.assertEqual(self.seen(probe), '["ok", "ok"]')
        self.assertEqual((mine.arrivals(), abstract.arrivals()), (1, 1))
        self.assertEqual(self.erin.run([PYTHON, "-c", PROBE + probe]).out.strip(),
                         '["EACCES", "ok"]', "bare")
        abstract.arrivals()
        self.assertEqual(self.seen(probe, "su erin -c"), '["EACCES", "ECONNREFUSED"]')
        self.assertEqual((mine.arrivals(), abstract.arrivals()), (0, 0))
        self.log.wait(f"denied user=dora .*destination={path}")

    def test_another_user_does_not_get_the_session_user_s_servers(self):
        STAGE.policy(self.rules(22), "dora")
        STAGE.policy(None, "erin")
        server = STAGE.directory / "server.py"
        server.write_text(PROBE + """
path = "/tmp/dora-server.sock"
server = socket.socket(socket.AF_UNIX)
server.bind(path)
os.chmod(path, 0o777)
server.listen()
mine = unix(path)
theirs = subprocess.run(["su", "erin", "-c", "%s /tmp/theirs.py" % sys.executable],
                        capture_output=True, text=True)
os.unlink(path)
answer([mine, theirs.stdout.strip(), theirs.stderr])
""")
        theirs = Path("/tmp/theirs.py")
        theirs.write_text(PROBE + "answer(unix('/tmp/dora-server.sock'))\n")
        self.addCleanup(theirs.unlink)
        done = self.inside(f"{PYTHON} {server}")
        self.assertEqual(done.out.strip(), '["ok", "\\"EACCES\\"", ""]', done)

    def test_other_user_makes_no_socket_with_the_user_s_rights(self):
        """Where UDP is open, the supervisor binds on behalf."""
        STAGE.policy(self.rules(22) + "allow_udp = yes\n", "dora")
        self.dora.home.chmod(0o700)
        self.addCleanup(self.dora.home.chmod, self.dora.home.stat().st_mode & 0o777)
        place = self.dora.home / "erins.sock"
        self.addCleanup(place.unlink, missing_ok=True)
        probe = f"answer(attempt(socket.socket(socket.AF_UNIX).bind, {str(place)!r}))"
        self.assertEqual(self.erin.run([PYTHON, "-c", PROBE + probe]).out.strip(), '"EACCES"', "bare")
        self.assertEqual(self.seen(probe, "su erin -c"), '"EACCES"')
        self.assertFalse(place.exists())
        self.assertEqual(self.seen(probe), '"ok"')

    def test_another_user_still_reaches_the_log(self):
        STAGE.policy(self.rules(22), "dora")
        self.assertEqual(self.inside("su erin -c 'logger sandlock-from-erin'").status, 0)
        self.log.wait("sandlock-from-erin")
