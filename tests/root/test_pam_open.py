# SPDX-License-Identifier: BSD-3-Clause
"""Programs that open PAM sessions in their own process: su, login, sudo, cron and the like."""
import os
import pwd
import re
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import pam_callers
from commands import call, eventually
from machine import PUBLIC
from stage import PREFIX, STAGE, probe_program
from terminals import Terminal
from test_pam import LAST, PamTest, module


def for_each(programs):
    """Makes a test method of `case.each_NAME(program)` for each program."""
    def fill(case):
        for name in [name for name in dir(case) if name.startswith("each_")]:
            for program in programs:
                def test(self, name=name, program=program):
                    getattr(self, name)(program)
                words = re.sub(r"(?<!^)(?=[A-Z])", "_", program.__name__).lower()
                setattr(case, f"test_{words}_{name.removeprefix('each_')}", test)
        return case
    return fill


class OpenTest(PamTest):
    def setUp(self):
        super().setUp()
        include = STAGE.policies / "system.inc"
        call(["cp", PREFIX / "share/doc/sandlock/examples/system.inc", include])
        self.addCleanup(include.unlink)
        # A login that is refused or cut off stays in it.
        self.addCleanup(Path("/run/utmp").write_bytes, b"")

    def opened(self, program, words=""):
        """Puts our line into the stacks of `program`."""
        for service in program.services:
            self.stack(service, words=words)


@for_each(pam_callers.ALL)
class Reach(OpenTest):
    """The same rules by every program, shown by live listeners."""

    def each_reaches_what_the_policy_names(self, program):
        listed, other = self.listen(PUBLIC), self.listen(PUBLIC)
        command = "; ".join(f"cat </dev/tcp/{PUBLIC}/{seen.port}" for seen in (listed, other))
        run = program(self.dora).run
        self.assertEqual(run(command).out.replace("\r", ""), "hello\nhello\n", "without the module")
        self.assertEqual((listed.arrivals(), other.arrivals()), (1, 1))
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{listed.port}\n", "dora")
        self.opened(program)
        done = run(command)
        self.assertEqual(done.out.replace("\r", "").splitlines()[0], "hello", done)
        self.assertIn("Permission denied", done.out + done.err)
        self.assertEqual((listed.arrivals(), other.arrivals()), (1, 0))
        self.log.wait(rf"denied user=dora .*destination={PUBLIC}:{other.port} rule=default")


NOTHING = "[network]\n"
BROKEN = "[network]\nnet_allow = everywhere\n"
FILES = "[policy]\ninclude = system\n[filesystem]\nwrite = %h\n"


@for_each(pam_callers.ALL)
class Refusal(OpenTest):
    """A policy that cannot be had lets nobody in, whatever the program thinks of the module's code."""

    def each_refuses_whom_a_broken_policy_names(self, program):
        mark = self.dora.home / "mark"
        self.addCleanup(mark.unlink, missing_ok=True)
        run = program(self.dora).run
        run(f"touch {mark}")
        self.assertTrue(mark.exists(), "without the module")
        mark.unlink()
        STAGE.policy(BROKEN, "dora")
        self.opened(program)
        program(self.dora).refused(f"touch {mark}", "dora.conf:2: net_allow: .*everywhere")
        self.assertFalse(mark.exists())


class RefusalOfNoWeight(OpenTest):
    """A program that goes on after a refusal does not become the user."""

    def goes_on(self, program, before, last):
        """With `before` ahead of our line, whose control is `last`'s, the program lets anybody in."""
        (service,) = program.services
        run = program(self.dora).run
        STAGE.policy(None, "dora")
        self.stack(service, last=before + last)
        self.assertEqual(run("id -un").out, "dora\n", "no policy")
        STAGE.policy(NOTHING, "dora")
        self.assertEqual(run("grep -c ^Seccomp:.2 /proc/self/status").out, "1\n", "a sound policy")
        STAGE.policy(BROKEN, "dora")
        done = run("id -un")
        self.assertEqual(done.out, "", done)
        self.assertNotEqual(done.status, 0)

    def test_sudo_after_a_failed_line_does_not_run_the_command(self):
        self.goes_on(pam_callers.Sudo, "session required pam_deny.so\n", LAST)

    def test_optional_line_refuses_as_well(self):
        for program in (pam_callers.Su, pam_callers.Sudo, pam_callers.Runuser):
            with self.subTest(program=program.__name__):
                self.goes_on(program, "", LAST.replace("required", "optional"))


class AsBefore(OpenTest):
    """What a program shows with the module's line is what it showed without."""

    def compare(self, program, work):
        """`work(opener)` is the same under each policy. Returns it."""
        before = work(program(self.dora))
        self.opened(program)
        for policy in (NOTHING, FILES):
            STAGE.policy(policy, "dora")
            with self.subTest(policy=policy):
                self.assertEqual(before, work(program(self.dora)))
        return before


class AfterTheJob(AsBefore):
    """What the program does as root when the user's processes have ended."""

    OUTPUT = Path("/var/spool/cron/atspool")

    def test_atd_removes_the_output_of_a_job(self):
        def left(program):
            before = set(self.OUTPUT.glob("a*"))  # of jobs that were refused
            self.assertEqual("done\n", program.run("echo done; echo said >&2").out)
            return len(set(self.OUTPUT.glob("a*")) - before)
        self.assertEqual(0, self.compare(pam_callers.At, left))

    def test_output_of_jobs_is_not_made_or_read_by_the_user(self):
        STAGE.policy(FILES, "dora")
        self.opened(pam_callers.At)
        done = pam_callers.At(self.dora).run(
            f"ls {self.OUTPUT}; touch {self.OUTPUT}/mine; rm {self.OUTPUT}/*")
        self.assertEqual("", done.out)
        self.assertEqual(3, done.err.count("Permission denied"), done.err)


@for_each(pam_callers.ALL)
class Command(AsBefore):
    def each_gives_the_command_what_it_gave(self, program):
        command = ("env | sort | grep -v ^_=; ulimit -a; umask; id; pwd; echo $0 $-; tty; "
                   "grep -E '^(Sig[BICP]|Threads|Groups|CapAmb)' /proc/self/status; nice; echo ~; exit 7; "
                   "cat /proc/self/loginuid /proc/self/oom_score_adj; readlink /proc/self/fd/* | "
                   "grep -vE 'pipe:|/proc/'")
        done = self.compare(program, lambda opener: vars(opener.run(command)))
        self.assertIn("HOME=/home/dora", done["out"])


@for_each(pam_callers.DIRECT)
class Program(AsBefore):
    def each_returns_status_and_output(self, program):
        def work(opener):
            return [vars(opener.run(f"echo out; echo err >&2; {end}"))
                    for end in ("true", "exit 1", "exit 42", "kill -TERM $$", "kill -9 $$")]
        self.assertEqual(42, self.compare(program, work)[2]["status"])

    def each_hands_on_what_it_reads(self, program):
        if program is pam_callers.SuPty:
            self.skipTest("su --pty waits for ever at the end of a pipe")
        text = "line\n" * 20000
        done = self.compare(program, lambda opener: vars(opener.run("md5sum", stdin=text)))
        self.assertEqual(done["status"], 0)

    def each_logs_the_beginning_and_the_end(self, program):
        def work(opener):
            def lines():
                return [re.sub(r"^.*?: ", "", line) for line in self.log.lines if "pam_unix(" in line]
            time.sleep(0.2)  # for the last line of the login before
            self.log.clear()
            opener.run("true")
            eventually(lambda: len(lines()) >= 2, "both lines")
            return lines()
        before = self.compare(program, work)
        self.assertRegex("\n".join(before), "^.* opened for user dora.*\n.* closed for user dora$")

    def each_returns_when_its_last_process_is_gone(self, program):
        def once(opener, command):
            argv = [str(word) for word in opener.argv(command)]
            start = time.monotonic()
            done = call(["bash", "-c", '"$@" | cat', "-", *argv])
            self.assertEqual((done.status, done.out.strip()), (0, "out"), done)
            return time.monotonic() - start
        def seconds(opener, command):  # a busy machine delays some, a held descriptor all
            return min(once(opener, command) for _ in range(3))
        commands = ("echo out", "echo out; sleep 0.3 & disown")
        before = [seconds(program(self.dora), command) for command in commands]
        self.opened(program)
        STAGE.policy(NOTHING, "dora")
        for bare, command in zip(before, commands):
            self.assertLess(seconds(program(self.dora), command), bare + 0.5)


TERMINALS = (pam_callers.Su, pam_callers.SuLogin, pam_callers.SuPty, pam_callers.RunuserLogin, pam_callers.SudoLogin,
             pam_callers.Login)


@for_each(TERMINALS)
class Interactive(AsBefore):
    def each_has_its_terminal(self, program):
        def work(opener):
            with Terminal(opener.shell()) as terminal:
                terminal.expect("ready> ")
                terminal.resize(33, 99)
                eventually(lambda: terminal.ask("stty size") == "33 99", "the window has its size")
                said = [terminal.ask(line) for line in
                        ("tty >/dev/null && echo terminal", "echo $-", "whoami",
                         "test -t 0 -a -t 1 -a -t 2 && echo all")]
                terminal.send("sleep 100\r")
                eventually(lambda: self.dora.foreground("sleep"), "the job runs")
                terminal.send("\x1a")
                terminal.expect("Stopped")
                terminal.expect("ready> ")
                said.append(terminal.ask("jobs"))
                terminal.send("fg\r")
                eventually(lambda: self.dora.foreground("sleep"), "the job goes on")
                terminal.send("\x03")
                terminal.expect("ready> ")
                said.append(terminal.ask("echo $?"))
                terminal.send("exit 42\r")
                return said, terminal.wait()
        said, status = self.compare(program, work)
        self.assertEqual((said[0], said[3], said[5]), ("terminal", "all", "130"))
        self.assertEqual(status, 0 if program is pam_callers.Login else 42)


@for_each((pam_callers.Su, pam_callers.SuPty, pam_callers.Runuser, pam_callers.Sudo))
class Suspended(AsBefore):
    def each_is_suspended_and_goes_on(self, program):
        def work(opener):
            with Terminal(["bash", "--norc"], PS1="root> ") as terminal:
                terminal.expect("root> ")
                terminal.send(" ".join(opener.shell()) + "\r")
                terminal.expect("ready> ")
                terminal.send("suspend\r")
                terminal.expect("Stopped")
                terminal.expect("root> ")
                terminal.send("fg\r")
                terminal.send("echo on-$((6*7))\r")
                terminal.expect("on-42")
                terminal.expect("ready> ")
                terminal.send("exit 5\r")
                terminal.expect("root> ")
                terminal.send("exit $?\r")
                return terminal.wait()
        self.assertEqual(5, self.compare(program, work))


class SudoWithoutPty(AsBefore):
    """Debian's sudo has a pty of its own; this one has the user's."""

    def test_sudo_on_the_user_s_terminal_works_as_before(self):
        rule = Path("/etc/sudoers.d/pty")
        rule.write_text("Defaults !use_pty\n")
        rule.chmod(0o440)
        self.addCleanup(rule.unlink)

        def work(opener):
            with Terminal(opener.argv("tty | cut -c1-9; stty size; read -r line; echo got $line; "
                                      "exit 9")) as terminal:
                terminal.expect("/dev/pts/\r\n24 80")
                terminal.send("words\r")
                terminal.expect("got words")
                return terminal.wait()
        self.assertEqual(9, self.compare(pam_callers.Sudo, work))


class Records(AsBefore):
    """utmp, wtmp and lastlog of a login, and of its end."""

    UTMP = struct.Struct("hi32s4s32s256shhiii16s20s")
    LOGIN, DEAD = 7, 8

    def records(self, path):
        """Kind, line, user and time of each record of our terminal."""
        data = Path(path).read_bytes()
        return [(kind, line.rstrip(b"\0"), user.rstrip(b"\0"))
                for kind, _, line, _, user, *_ in self.UTMP.iter_unpack(data)]

    def test_login_writes_them_all(self):
        def work(opener):
            for path in ("/run/utmp", "/var/log/wtmp", "/var/log/lastlog"):
                Path(path).write_bytes(b"")
            with Terminal(opener.shell()) as terminal:
                terminal.expect("ready> ")
                line = terminal.ask("tty").removeprefix("/dev/").encode()
                during = self.records("/run/utmp"), terminal.ask("who | wc -l")
                lastlog = call(["lastlog", "-u", "dora"]).out.split()[5]
                terminal.send("exit\r")
                terminal.wait()
            seen = (*during, self.records("/run/utmp"), self.records("/var/log/wtmp"))
            return [repr(value).replace(line.decode(), "LINE") for value in (seen, lastlog)]
        seen, lastlog = self.compare(pam_callers.Login, work)
        self.assertIn(f"({self.LOGIN}, b'LINE', b'dora')", seen)
        self.assertEqual(lastlog, "'LINE'")


class Mailer(OpenTest):
    """Cron and at send what a job wrote, as the user, in a child that no job is."""

    def setUp(self):
        super().setUp()
        self.seen = [self.listen(PUBLIC), self.listen(PUBLIC)]
        self.mail = self.dora.home / "mail"
        self.addCleanup(self.mail.unlink, missing_ok=True)
        directory = STAGE.directory / "mailer"
        directory.mkdir(exist_ok=True)
        self.addCleanup(shutil.rmtree, directory)
        tries = "; ".join(f"cat </dev/tcp/{PUBLIC}/{seen.port}" for seen in self.seen)
        program = directory / "sendmail"
        program.write_text(f"#!/bin/bash\n(id -un; cat; {tries}) >{self.mail}.new 2>&1\n"
                           f"mv {self.mail}.new {self.mail}\n")
        program.chmod(0o755)
        # Beside the machine's programs, as long as the test lasts.
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={directory}:/usr/sbin",
                        "overlay", "/usr/sbin"], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", "/usr/sbin"], check=True)

    def sent(self, program):
        """The mail of a job that says a word."""
        self.mail.unlink(missing_ok=True)
        job = self.dora.write("job", "echo said-by-the-job\n")
        program(self.dora).start(job, lambda: eventually(self.mail.exists, "a mail"))
        return self.mail.read_text()

    def sends_in_the_session(self, program):
        text = self.sent(program)
        self.assertRegex(text, r"(?s)dora\n.*said-by-the-job\n.*hello\nhello\n", "without the module")
        self.assertEqual([1, 1], [seen.arrivals() for seen in self.seen])
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{self.seen[0].port}\n", "dora")
        self.opened(program)
        text = self.sent(program)
        self.assertRegex(text, r"(?s)dora\n.*said-by-the-job\n.*hello\n.*Permission denied")
        self.assertEqual([1, 0], [seen.arrivals() for seen in self.seen])

    def test_cron_s_mail_is_sent_in_the_session(self):
        self.sends_in_the_session(pam_callers.Cron)

    def test_at_s_mail_is_sent_in_the_session(self):
        self.sends_in_the_session(pam_callers.At)


class Outliving(OpenTest):
    """The session is more than the program that opened it."""

    def setUp(self):
        super().setUp()
        self.seen = [self.listen(PUBLIC), self.listen(PUBLIC)]
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{self.seen[0].port}\n", "dora")

    def tries(self):
        return "; ".join(f"cat </dev/tcp/{PUBLIC}/{seen.port}" for seen in self.seen)

    def test_job_that_outlives_its_opener_is_served_and_confined(self):
        self.opened(pam_callers.Su)
        go, said = self.dora.home / "go", self.dora.home / "said"
        for path in (go, said):
            self.addCleanup(path.unlink, missing_ok=True)
        job = self.dora.write("job", f"until test -e {go}; do sleep 0.05; done\n"
                                     f"({self.tries()}) >{said}.new 2>&1; mv {said}.new {said}\n")
        done = call(["su", "dora", "-c", f"setsid bash {job} >/dev/null 2>&1 </dev/null &"])
        self.assertEqual((done.status, done.out, done.err), (0, "", ""))
        go.touch()
        eventually(said.exists, "the job has tried")
        self.assertTrue(said.read_text().startswith("hello\n"))
        self.assertIn("Permission denied", said.read_text())
        self.assertEqual([1, 0], [seen.arrivals() for seen in self.seen])
        eventually(lambda: not pam_callers.keepers("sandlock-superv"), "the supervisor ends with the job")

    def test_killed_supervisor_leaves_everything_trapped_failing(self):
        self.opened(pam_callers.Su)
        go = self.dora.home / "go"
        self.addCleanup(go.unlink, missing_ok=True)
        with subprocess.Popen(["su", "dora", "-c", f"cat </dev/tcp/{PUBLIC}/{self.seen[0].port}; "
                               f"until test -e {go}; do sleep 0.05; done; {self.tries()}"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as session:
            self.assertEqual(session.stdout.readline(), "hello\n")
            self.assertEqual(1, self.seen[0].arrivals())
            keeper, = pam_callers.keepers("sandlock-superv")
            os.kill(keeper, signal.SIGKILL)
            eventually(lambda: not pam_callers.keepers("sandlock-superv"), "the supervisor has ended")
            go.touch()
            out, err = session.communicate(timeout=10)
        self.assertEqual("", out)
        self.assertIn("Function not implemented", err)
        self.assertEqual([0, 0], [seen.arrivals() for seen in self.seen])

    def test_supervisor_holds_nothing_of_the_program_s(self):
        self.opened(pam_callers.Su)
        with Terminal(pam_callers.Su(self.dora).shell()) as terminal:
            terminal.expect("ready> ")
            keeper, = pam_callers.keepers("sandlock-superv")
            held = [os.readlink(path) for path in Path(f"/proc/{keeper}/fd").iterdir()]
            status = Path(f"/proc/{keeper}/status").read_text()
            stat = Path(f"/proc/{keeper}/stat").read_text().rpartition(")")[2].split()
        self.assertEqual({name.split(":")[0] for name in held},
                         {"/dev/null", "socket", "anon_inode"})
        service = pwd.getpwnam("_sandlock").pw_uid
        self.assertRegex(status, rf"Uid:\t{service}\t{self.dora.uid}\t{service}\t{self.dora.uid}")
        self.assertRegex(status, r"CapPrm:\t0000000000080000\nCapEff:\t0000000000080000")
        self.assertRegex(status, r"NoNewPrivs:\t1\nSeccomp:\t2")
        # Child of init, a session of its own, no terminal.
        self.assertEqual((stat[3], stat[4]), (str(keeper), "0"))


class Host(OpenTest):
    """What a process that opens a session holds, it holds unchanged afterwards."""

    def setUp(self):
        super().setUp()
        self.service = Path("/etc/pam.d/sandlock-host")
        self.addCleanup(self.service.unlink)
        STAGE.policy(f"{FILES}[network]\nnet_allow = {PUBLIC}:22 allowed.test:443\n", "dora")

    def host(self, mebibytes, line):
        self.service.write_text("session required pam_permit.so\n" + line)
        done = call([probe_program("pam_caller"), self.service.name, "dora", "host", mebibytes])
        self.assertEqual((done.status, done.err), (0, ""), done)
        first, *rest = done.out.splitlines()
        return float(re.match(r"opened 0 in ([\d.]+) ms", first).group(1)), rest

    def test_host_of_much_is_left_as_it_was_found(self):
        _, expected = self.host(512, "")
        self.assertEqual(expected, ["nothing changed", "signals seen: 0",
                                    "a child that has ended: 0", "the own child: 1",
                                    "another child: 0"])
        _, said = self.host(512, LAST.format(module=module(), words=""))
        self.assertEqual(expected, said)

    def test_host_of_much_memory_works_no_more(self):
        line = LAST.format(module=module(), words="")
        small, large = (min(self.host(size, line)[0] for _ in range(2)) for size in (0, 512))
        self.assertLess(large, 2 * small + 2)
