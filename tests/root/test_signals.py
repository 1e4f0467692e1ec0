# SPDX-License-Identifier: BSD-3-Clause
"""Job control, window size, disconnect and what outlives the login."""
import os
import signal
import time

from accounts import PROBE
from commands import PYTHON, eventually
from listeners import full_queue
from session_test import SessionTest
from stage import STAGE
from terminals import Terminal

PYTHON_NAME = os.path.basename(os.path.realpath(PYTHON))


class Keys(SessionTest):
    def terminal(self, who, *words):
        terminal = Terminal(who.ssh_argv(*words, tty=True))
        self.addCleanup(terminal.close)
        if not words:
            terminal.expect("ready> ")
        return terminal

    def sleeping(self, who, terminal, before=""):
        terminal.send(f"{before}sleep 100\r")
        terminal.expect("sleep 100\r\n")
        eventually(lambda: who.foreground("sleep"), "sleep runs")

    def test_ctrl_c_ends_the_command_and_not_the_login(self):
        def press(who):
            terminal = self.terminal(who)
            self.sleeping(who, terminal)
            terminal.send("\x03")
            terminal.expect("ready> ")
            return terminal.ask("echo $?")
        self.assertEqual("130", self.both(press))

    def test_ctrl_c_ends_a_command_without_a_shell(self):
        def press(who):
            terminal = self.terminal(who, "echo armed; sleep 100")
            terminal.expect("armed")
            eventually(lambda: who.foreground("sleep"), "sleep runs")
            terminal.send("\x03")
            return terminal.wait()
        self.both(press)

    def test_ctrl_c_handler_of_the_command_decides(self):
        def press(who):
            # Not a loop of bash's: it drops a SIGINT that arrives just when its child ends.
            terminal = self.terminal(who, f"exec {PYTHON} -c '" + """
import os, signal, sys, time
def caught(*_):
    os.write(1, b"caught")
    sys.exit(3)
signal.signal(signal.SIGINT, caught)
os.write(1, b"armed")
time.sleep(100)'""")
            terminal.expect("armed")
            terminal.send("\x03")
            terminal.expect("caught")
            return terminal.wait()
        self.assertEqual(3, self.both(press))

    def test_ctrl_backslash_ends_the_command(self):
        def press(who):
            terminal = self.terminal(who)
            self.sleeping(who, terminal, "ulimit -c 0; ")
            terminal.send("\x1c")
            terminal.expect("ready> ")
            return terminal.ask("echo $?")
        self.assertEqual("131", self.both(press))

    def test_ctrl_z_stops_and_fg_continues(self):
        def press(who):
            terminal = self.terminal(who)
            self.sleeping(who, terminal)
            terminal.send("\x1a")
            terminal.expect("Stopped")
            terminal.expect("ready> ")
            status = terminal.ask("echo $?")
            jobs = terminal.ask("jobs")
            terminal.send("fg\r")
            terminal.expect("fg\r\nsleep 100\r\n")
            eventually(lambda: who.foreground("sleep"), "sleep runs again")
            terminal.send("\x03")
            terminal.expect("ready> ")
            return status, jobs
        self.assertEqual("148", self.both(press)[0])

    def test_background_job_that_reads_the_terminal_stops(self):
        def press(who):
            terminal = self.terminal(who)
            terminal.ask("cat & sleep 0.3")
            return terminal.ask("jobs")
        self.assertIn("Stopped", self.both(press))

    def test_suspend_of_the_shell_stops_su_and_fg_brings_it_back(self):
        def press(who):
            with Terminal(["bash", "--norc", "--noprofile", "-i"], PS1="outer> ") as terminal:
                terminal.expect("outer> ")
                terminal.send(f"su {who.name}\r")
                terminal.expect("ready> ")
                terminal.send("suspend\r")
                terminal.expect("Stopped")
                terminal.expect("outer> ")
                terminal.send("fg\r")
                terminal.expect("fg\r\n")
                terminal.send("echo ba''ck\r")
                terminal.expect("\nback\r")
                terminal.send("exit 5\r")
                terminal.expect("outer> ")
                terminal.send("echo status=$?\r")
                return terminal.expect(r"\nstatus=(\d+)").group(1)
        self.assertEqual("5", self.both(press))

    def test_window_size_and_its_change_arrive(self):
        def resize(who):
            terminal = self.terminal(who)
            first = terminal.ask("stty size")
            terminal.ask("trap 'echo changed' WINCH; echo ready")
            terminal.resize(50, 132)
            terminal.send("sleep 0.3\r")
            terminal.expect("changed")
            terminal.expect("ready> ")
            return first, terminal.ask("stty size")
        self.assertEqual(("24 80", "50 132"), self.both(resize))


class HeldConnect(SessionTest):
    """Keys reach a program whose connect waits, as they do when no supervisor holds it."""

    def press(self, key, then, threads=0):
        port = full_queue(self)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{port}\n")
        def work(who):
            who.write("wait.py", "import socket, threading\nprint('armed', flush=True)\n"
                                 f"def connect(): socket.create_connection(('127.0.0.1', {port}))\n"
                                 f"for _ in range({threads}):\n"
                                 "    threading.Thread(target=connect, daemon=True).start()\n"
                                 "connect()\n")
            with Terminal(who.ssh_argv(tty=True)) as terminal:
                terminal.expect("ready> ")
                terminal.send(f"ulimit -c 0; {PYTHON} wait.py 2>/dev/null\r")
                terminal.expect("\narmed")
                self.waits(who)
                terminal.send(key)
                return then(terminal, who)
        return self.both(work)

    @staticmethod
    def waits(who):
        eventually(lambda: who.foreground(PYTHON_NAME), "the program sleeps")
        time.sleep(0.2)  # and that is in its connect

    @staticmethod
    def status(terminal, _):
        terminal.expect("ready> ", timeout=3)
        return terminal.ask("echo $?")

    def test_ctrl_c_interrupts_it(self):
        self.assertEqual("130", self.press("\x03", self.status))

    def test_ctrl_backslash_ends_it(self):
        self.assertEqual("131", self.press("\x1c", self.status))

    def test_ctrl_c_interrupts_it_among_others(self):
        self.assertEqual("130", self.press("\x03", self.status, threads=5))

    def test_ctrl_z_stops_it_and_fg_lets_it_wait_again(self):
        self.press_ctrl_z(0)

    def test_ctrl_z_stops_waiting_threads_and_fg_resumes_them(self):
        self.press_ctrl_z(5)

    def press_ctrl_z(self, threads):
        def then(terminal, who):
            terminal.expect("Stopped", timeout=3)
            terminal.expect("ready> ")
            terminal.send("fg\r")
            terminal.expect("wait.py")
            self.waits(who)
            terminal.send("\x03")
            return self.status(terminal, who)
        self.assertEqual("130", self.press("\x1a", then, threads))

    def test_kill_ends_it(self):
        def then(_, who):
            waiting, = who.processes(PYTHON_NAME)
            os.kill(waiting, signal.SIGKILL)
            eventually(lambda: not who.processes(PYTHON_NAME), "the program ends", timeout=3)
            return True
        self.press("", then)


class Signals(SessionTest):
    def test_signals_to_the_login_shell_process_reach_the_real_shell(self):
        for name in ("HUP", "TERM"):
            with self.subTest(signal=name):
                def send(who):
                    script = (f"trap 'echo got; exit 3' {name}; echo armed; "
                              "while :; do sleep 0.05; done")
                    argv = ["setpriv", f"--reuid={who.uid}", f"--regid={who.gid}",
                            "--clear-groups", who.shell, "-c", script]
                    with Terminal(argv, HOME=str(who.home)) as terminal:
                        terminal.expect("armed")
                        os.kill(terminal.pid, getattr(signal, "SIG" + name))
                        terminal.expect("got")
                        return terminal.wait()
                self.assertEqual(3, self.both(send))

    def test_stop_signal_to_the_real_shell_is_seen_by_the_parent(self):
        def stop(who):
            argv = ["setpriv", f"--reuid={who.uid}", f"--regid={who.gid}", "--clear-groups",
                    who.shell, "-c", "echo armed; kill -STOP $$; exit 8"]
            with Terminal(argv, HOME=str(who.home)) as terminal:
                terminal.expect("armed")
                eventually(lambda: os.waitpid(terminal.pid, os.WNOHANG | os.WUNTRACED)[0],
                           "the login shell stops")
                os.kill(terminal.pid, signal.SIGCONT)
                for pid in who.processes("bash"):
                    os.kill(pid, signal.SIGCONT)
                return terminal.wait()
        self.assertEqual(8, self.both(stop))

    def test_shell_stopped_from_inside_goes_on_or_ends_for_all(self):
        for name in ("CONT", "KILL"):
            with self.subTest(signal=name):
                self.both(lambda who, name=name: who.ssh(
                    f"(sleep 0.2; kill -{name} $$) >/dev/null 2>&1 & kill -STOP $$; exit 6",
                    timeout=5).status)


class Disconnect(SessionTest):
    def test_disconnect_hangs_the_shell_up(self):
        def disconnect(who):
            script = "trap 'echo hup >~/hup; exit' HUP; echo armed; while :; do sleep 0.1; done"
            with Terminal(who.ssh_argv(script, tty=True)) as terminal:
                terminal.expect("armed")
            eventually((who.home / "hup").exists, "the shell gets SIGHUP")
            eventually(lambda: not who.processes(), "every process of the login ends")
            return (who.home / "hup").read_text()
        self.assertEqual("hup\n", self.both(disconnect))

    def test_disconnect_ends_foreground_and_background_jobs(self):
        def disconnect(who):
            with Terminal(who.ssh_argv(tty=True)) as terminal:
                terminal.expect("ready> ")
                terminal.send("sleep 1000 & sleep 1001\r")
                terminal.expect("sleep 1001\r\n")
                eventually(lambda: len(who.processes("sleep")) == 2, "both jobs run")
            eventually(lambda: not who.processes(), "every process of the login ends")
            return True
        self.both(disconnect)

    def test_supervisor_ends_with_the_session(self):
        self.confined.ssh("true")
        eventually(lambda: not self.confined.processes(), "nothing of the session is left")


JOB = PROBE + """
allowed, refused = int(sys.argv[1]), int(sys.argv[2])
while not os.path.exists(os.path.expanduser("~/go")):
    time.sleep(0.02)
with open(os.path.expanduser("~/said"), "w") as out:
    out.write(f"{tcp('127.0.0.1', allowed)} {tcp('127.0.0.1', refused)} {os.getppid()}\\n")
os.rename(os.path.expanduser("~/said"), os.path.expanduser("~/done"))
"""


class Nohup(SessionTest):
    def test_job_outlives_the_login_and_stays_under_its_policy(self):
        allowed, refused = self.listen(), self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port}\n")
        self.confined.write("job.py", JOB)
        with Terminal(self.confined.ssh_argv(tty=True)) as terminal:
            terminal.expect("ready> ")
            terminal.ask(f"nohup {PYTHON} job.py {allowed.port} {refused.port} "
                         ">/dev/null 2>&1 & disown; echo started")
            terminal.send("exit\r")
            terminal.wait()
        self.assertTrue(self.confined.processes(), "the job outlives the login")
        self.confined.write("go", "")
        done = self.confined.home / "done"
        eventually(done.exists, "the job reports")
        self.assertEqual(["ok", "EACCES"], done.read_text().split()[:2])
        self.assertEqual((1, 0), (allowed.arrivals(), refused.arrivals()))
        eventually(lambda: not self.confined.processes(), "the supervisor ends with the last job")
