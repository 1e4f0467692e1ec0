# SPDX-License-Identifier: BSD-3-Clause
"""A login by ssh, su and login(1): what a user sees is what the bare shell shows."""
import os

from accounts import PAM_PORT
from commands import call, eventually
from session_test import SessionTest
from stage import STAGE, probe_program
from terminals import Terminal


class Command(SessionTest):
    def test_ssh_command_prints_its_output_and_nothing_else(self):
        done = self.both(lambda who: vars(who.ssh("echo out; echo err >&2")))
        self.assertEqual(done, {"status": 0, "out": "out\n", "err": "err\n"})

    def test_ssh_command_returns_its_exit_status(self):
        for status in (0, 1, 42, 126, 127, 255):
            with self.subTest(status=status):
                self.assertEqual(status, self.both(lambda who: who.ssh(f"exit {status}").status))

    def test_ssh_command_that_dies_by_a_signal_reports_it(self):
        for name in ("TERM", "KILL", "SEGV", "INT"):
            with self.subTest(signal=name):
                self.both(lambda who: who.ssh(f"kill -{name} $$").status)

    def test_ssh_command_that_does_not_exist_returns_127(self):
        self.assertEqual(127, self.both(lambda who: who.ssh("no-such-program").status))

    def test_ssh_command_that_is_not_executable_returns_126(self):
        self.assertEqual(126, self.both(lambda who: who.ssh("/etc/passwd").status))

    def test_ssh_command_under_pam_works_as_well(self):
        done = self.both(lambda who: vars(who.ssh("echo out; exit 3", port=PAM_PORT)))
        self.assertEqual((done["status"], done["out"]), (3, "out\n"))

    def test_standard_input_reaches_the_command(self):
        text = "line\n" * 100000
        done = self.both(lambda who: vars(who.ssh("md5sum", stdin=text)))
        self.assertEqual(0, done["status"])

    def test_session_sees_the_same_environment(self):
        def environment(who):
            lines = who.ssh("env").out.splitlines()
            return sorted(line for line in lines if not line.startswith(("SSH_", "_=", "SHELL=")))
        self.both(environment)

    def test_program_finds_no_foreign_child_or_descriptor(self):
        server = self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{server.port}\n")
        def look(who):
            return who.python(f"""
def seen():
    children = attempt(os.waitid, os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return [children, os.listdir("/proc/self/fd"), os.listdir("/proc/self/task") == [str(os.getpid())]]
before = seen()
socket.create_connection(("127.0.0.1", {server.port})).close()
answer([before, seen(), before == seen()])
""")
        self.assertEqual("ECHILD", self.both(look)[0][0])

    def test_shell_variable_names_the_real_shell(self):
        self.assertEqual("/bin/bash\n", self.confined.ssh("echo $SHELL").out)

    def test_session_is_confined(self):
        out = self.confined.ssh("grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status").out
        self.assertEqual(out.split(), ["NoNewPrivs:", "1", "Seccomp:", "2"])

    def test_limits_signals_and_umask_are_as_bare(self):
        self.both(lambda who: who.ssh("ulimit -a; umask; grep '^Sig[BI]' /proc/self/status").out)


class Su(SessionTest):
    def test_su_command_returns_status_and_output(self):
        done = self.both(lambda who: vars(who.su("echo out; echo err >&2; exit 7")))
        self.assertEqual(done, {"status": 7, "out": "out\n", "err": "err\n"})

    def test_su_command_killed_by_signal_9_returns_137(self):
        self.assertEqual(137, self.both(lambda who: who.su("kill -9 $$").status))

    def test_su_login_shell_starts_in_the_home_directory(self):
        self.assertEqual("/home/bare\n", self.both(lambda who: who.su("pwd").out))

    def test_su_without_a_login_starts_the_same_shell(self):
        out = self.both(lambda who: call(["su", who.name, "-c", "echo $0; shopt login_shell"]).out)
        self.assertIn("off", out)


class Options(SessionTest):
    """What a login program or a user passes is the real shell's."""

    def shell(self, who, *words):
        return who.run([STAGE.shell if who is self.confined else who.shell, *words])

    def test_login_and_interactive_options_reach_the_shell(self):
        ask = "shopt -q login_shell && echo login; case $- in *i*) echo interactive;; esac"
        for words, said in ((("-c", ask), []), (("-l", "-c", ask), ["login"]),
                            (("-i", "-c", ask), ["interactive"]),
                            (("-l", "-i", "-c", ask), ["login", "interactive"])):
            done = self.both(lambda who, words=words: self.shell(who, *words).out.split())
            self.assertEqual(said, done)

    def test_name_with_a_dash_takes_a_command_as_a_login_shell(self):
        done = self.both(lambda who: who.su("shopt -q login_shell && echo login; echo $0; exit 3").out
                         .split()[0])
        self.assertEqual("login", done)

    def test_script_and_its_arguments_reach_the_shell(self):
        for who in (self.bare, self.confined):
            who.write("script", "echo \"$#:$1:$2\"; exit 5\n")
        done = self.both(lambda who: self.shell(who, "script", "a b", "c"))
        self.assertEqual((5, "2:a b:c\n"), (done.status, done.out))

    def test_shell_within_a_session_keeps_its_descriptors(self):
        command = f"exec 7</etc/hostname; {STAGE.shell} -c 'cat <&7'"
        self.assertEqual(call(["cat", "/etc/hostname"]).out, self.confined.su(command).out)


class Interactive(SessionTest):
    def test_pty_login_is_a_login_shell_with_a_terminal(self):
        def login(who):
            with Terminal(who.ssh_argv(tty=True)) as terminal:
                terminal.expect("ready> ")
                return [terminal.ask(line) for line in (
                    "echo $0", "shopt login_shell", "tty >/dev/null && echo terminal", "echo $-",
                    "test -t 0 -a -t 1 -a -t 2 && echo all three")]
        answers = self.both(login)
        self.assertEqual("-bash", answers[0])

    def test_pty_login_ends_with_the_status_of_exit(self):
        def login(who):
            with Terminal(who.ssh_argv(tty=True)) as terminal:
                terminal.expect("ready> ")
                terminal.send("exit 42\r")
                return terminal.wait()
        self.assertEqual(42, self.both(login))

    def test_end_of_file_ends_the_login(self):
        def login(who):
            with Terminal(who.ssh_argv(tty=True)) as terminal:
                terminal.expect("ready> ")
                terminal.send("\x04")
                return terminal.wait()
        self.assertEqual(0, self.both(login))

    def test_login_program_starts_the_shell_on_its_terminal(self):
        def login(who):
            with Terminal(["login", "-f", who.name]) as terminal:
                terminal.expect("ready> ")
                answers = [terminal.ask("echo $0 $SHLVL"), terminal.ask("sleep 0; echo done")]
                terminal.send("exit 5\r")
                terminal.wait()
                return answers
        self.assertEqual("-bash 1", self.both(login)[0])

    def test_su_on_a_terminal_has_job_control(self):
        def login(who):
            with Terminal(["su", "-", who.name]) as terminal:
                terminal.expect("ready> ")
                terminal.send("sleep 100\r")
                terminal.expect("sleep 100\r\n")
                eventually(lambda: who.foreground("sleep"), "sleep runs")
                terminal.send("\x03")
                terminal.expect("ready> ")
                status = terminal.ask("echo $?")
                terminal.send("exit 6\r")
                return status, terminal.wait()
        self.assertEqual(("130", 6), self.both(login))


class Descriptors(SessionTest):
    def test_descriptors_above_2_are_closed(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        def opened(who):
            return who.run([who.shell, "-c", "ls /proc/self/fd"], pass_fds=(writer,)).out.split()
        self.assertIn(str(writer), opened(self.bare))
        self.assertEqual(["0", "1", "2", "3"], opened(self.confined))

    def test_descriptor_holder_outside_sees_the_end_of_file(self):
        # What waits for the end of our standard output must not wait for the supervisor.
        done = self.both(lambda who: call(["sh", "-c", f"su - {who.name} -c 'echo x' | cat"],
                                          timeout=3).out)
        self.assertEqual("x\n", done)

    def test_closed_standard_descriptors_are_survived(self):
        def closed(who):
            script = f"exec {who.shell} -c 'exit 9' <&- >&- 2>&-"
            return who.run(["/bin/sh", "-c", script]).status
        self.assertEqual(9, self.both(closed))


class Root(SessionTest):
    POLICY = None

    def test_root_gets_the_real_shell_unconfined(self):
        done = call([STAGE.shell, "-c", "id -u; grep ^Seccomp: /proc/self/status; exit 4"])
        self.assertEqual((4, "0\nSeccomp:\t0\n", ""), (done.status, done.out, done.err))

    def test_root_login_is_logged(self):
        call([STAGE.shell, "-c", "true"])
        self.log.wait("root|uid.?0|unconfined")

    def test_root_gets_a_login_shell(self):
        with Terminal([str(STAGE.shell), "-l"]) as terminal:
            terminal.send("shopt login_shell\r")
            terminal.expect(r"login_shell\s+on")
            terminal.send("exit\r")
            self.assertEqual(0, terminal.wait())


class Loader(SessionTest):
    """Nothing that the client's environment names runs before the sandbox is on."""

    def test_preloaded_library_runs_only_inside_the_sandbox(self):
        library, record = probe_program("preloaded.so"), "/tmp/preloaded"
        for variable in ("LD_PRELOAD", "LD_AUDIT"):
            def seen(who):
                open(record, "w", encoding="ascii").close()
                os.chmod(record, 0o666)
                argv = who.ssh_argv("true")
                argv[1:1] = ["-o", f"SetEnv={variable}={library}"]
                self.assertEqual(0, call(argv).status)
                with open(record, encoding="ascii") as lines:
                    return set(lines.read().split("\n")) - {""}
            with self.subTest(variable=variable):
                self.assertEqual({"Seccomp:\t0"}, seen(self.bare))
                self.assertEqual({"Seccomp:\t2"}, seen(self.confined))

    def test_tunables_of_the_client_change_nothing(self):
        argv = self.confined.ssh_argv("echo ok")
        argv[1:1] = ["-o", "SetEnv=GLIBC_TUNABLES=glibc.malloc.check=3"]
        self.assertEqual(("ok\n", ""), (call(argv).out, call(argv).err))

    def test_shell_and_supervisor_need_no_loader(self):
        for program in ("bin/sandlock-shell", "libexec/sandlock/sandlock-supervisor"):
            headers = call(["readelf", "-lW", STAGE.shell.parent.parent / program]).out
            with self.subTest(program=program):
                self.assertNotIn("INTERP", headers)
