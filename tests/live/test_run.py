# SPDX-License-Identifier: BSD-3-Clause
"""`sandlockctl run FILE -- CMD`: a session without root, by a draft of the caller's own."""
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path

from commands import PYTHON, call, eventually
from listeners import full_queue
from session_test import DraftTest
from stage import ctl
from terminals import Terminal


class Command(DraftTest):
    def test_exit_status_is_the_command_s(self):
        for status in (0, 1, 42, 127, 255):
            with self.subTest(status=status):
                self.assertEqual(status, self.run_draft("sh", "-c", f"exit {status}").status)

    def test_signal_that_ends_the_command_ends_the_caller(self):
        for name in ("SIGTERM", "SIGKILL", "SIGSEGV"):
            number = getattr(signal, name)
            with self.subTest(signal=name):
                self.assertEqual(-number,
                                 self.run_draft("sh", "-c", f"kill -{int(number)} $$").status)

    def test_command_that_does_not_exist_returns_127(self):
        self.assertEqual(127, self.run_draft("/no/such/program").status)

    def test_command_that_is_not_executable_returns_126(self):
        self.assertEqual(126, self.run_draft("/etc/passwd").status)

    def test_output_is_the_command_s_alone(self):
        done = self.run_draft("sh", "-c", "echo out; echo err >&2")
        self.assertEqual(("out\n", "err\n"), (done.out, done.err))

    def test_descriptors_above_2_are_closed(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        done = self.run_draft("ls", "/proc/self/fd", pass_fds=(writer,))
        self.assertEqual(["0", "1", "2", "3"], done.out.split())

    def test_terminal_keys_reach_the_command(self):
        with Terminal(self.argv("", "sh", "-c", "echo armed; exec sleep 100")) as terminal:
            terminal.expect("armed")
            terminal.send("\x03")
            self.assertEqual(130, terminal.wait())

    def test_background_job_outlives_the_command_and_stays_served(self):
        listener = self.listen()
        said = self.directory / "said"
        source = self.probe(f"""
while os.getppid() == {{parent}}:
    time.sleep(0.02)
open("{said}.new", "w").write(tcp("127.0.0.1", {listener.port}))
os.rename("{said}.new", "{said}")
""")
        job = self.directory / "job.py"
        self.run_draft("sh", "-c", f"sed s/{{parent}}/$$/ >{job}; "
                       f"{PYTHON} {job} >/dev/null 2>&1 & exit 0",
                       policy=f"[network]\nnet_allow = 127.0.0.1:{listener.port}\n", stdin=source)
        eventually(said.exists, "the job reports")
        self.assertEqual("ok", said.read_text())
        self.assertEqual(1, listener.arrivals())


class Draft(DraftTest):
    def refused(self, policy, pattern):
        done = self.run_draft("echo", "ran", policy=policy)
        self.assertEqual((125, ""), (done.status, done.out), done)
        self.assertRegex(done.err, pattern)

    def test_bad_line_refuses_and_names_it(self):
        self.refused("[network]\nnet_allow = 127.0.0.1\n", r"draft\.conf:2:")

    def test_key_that_is_not_enforced_refuses(self):
        self.refused("[policy]\nmode = permissive\n", r"draft\.conf:2:")

    def test_file_that_others_may_write_is_refused(self):
        self.draft("").chmod(0o666)
        done = call([ctl(), "run", self.directory / "draft.conf", "--", "echo", "ran"])
        self.assertEqual((125, ""), (done.status, done.out), done)

    def test_file_that_does_not_exist_is_refused(self):
        done = call([ctl(), "run", self.directory / "none.conf", "--", "echo", "ran"])
        self.assertEqual((125, ""), (done.status, done.out), done)


class Network(DraftTest):
    def test_listed_port_is_reached_and_another_is_not(self):
        for address in ("127.0.0.1", "::1"):
            allowed, refused = self.listen(address), self.listen(address)
            text = f"[{address}]" if ":" in address else address
            said = self.python(
                f"answer([tcp('{address}', {allowed.port}), tcp('{address}', {refused.port})])",
                f"[network]\nnet_allow = {text}:{allowed.port}\n")
            with self.subTest(address=address):
                self.assertEqual(["ok", "EACCES"], said)
                self.assertEqual((1, 0), (allowed.arrivals(), refused.arrivals()))

    def test_what_no_rule_names_is_not_reached(self):
        tcp = self.listen()
        udp = self.listen(kind=socket.SOCK_DGRAM)
        unix = self.listen(str(self.directory / "socket"), family=socket.AF_UNIX)
        said = self.python(f"""
answer([tcp("127.0.0.1", {tcp.port}), attempt(socket.socket(type=socket.SOCK_DGRAM).sendto, b"x", ("127.0.0.1", {udp.port})),
        unix("{self.directory}/socket")])
""", "[network]\nunix_allow = /nowhere\n")
        self.assertEqual(["EACCES", "ok", "EACCES"], said)
        self.assertEqual((0, 0, 0), (tcp.arrivals(), udp.arrivals(), unix.arrivals()))

    def test_listed_unix_socket_is_reached(self):
        unix = self.listen(str(self.directory / "socket"), family=socket.AF_UNIX)
        self.assertEqual("ok", self.python(f'answer(unix("{self.directory}/socket"))',
                                           f"[network]\nunix_allow = {self.directory}/*\n"))
        self.assertEqual(1, unix.arrivals())

    def test_every_thread_and_child_is_under_the_policy(self):
        refused = self.listen()
        said = self.python(f"""
import concurrent.futures, multiprocessing
def go(n):
    return tcp("127.0.0.1", {refused.port})
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    said = set(pool.map(go, range(64)))
with multiprocessing.get_context("fork").Pool(4) as pool:
    said |= set(pool.map(go, range(64)))
answer(sorted(said))
""")
        self.assertEqual(["EACCES"], said)
        self.assertEqual(0, refused.arrivals())

    def test_interrupted_connect_returns_as_bare(self):
        port = full_queue(self)
        source = f"""
class Alarm(Exception):
    pass
def handler(*_):
    raise Alarm
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.3)
start = time.monotonic()
try:
    socket.socket().connect(("127.0.0.1", {port}))
    said = "connected"
except Alarm:
    said = "interrupted"
answer([said, time.monotonic() - start < 3])
"""
        bare = call([PYTHON, "-"], stdin=self.probe(source))
        self.assertIn("interrupted", bare.out)
        self.assertEqual(["interrupted", True], self.python(
            source, f"[network]\nnet_allow = 127.0.0.1:{port}\n"))


class Tool(DraftTest):
    def test_check_accepts_a_good_draft(self):
        done = call([ctl(), "check", self.draft("[network]\nnet_allow = 127.0.0.1:80\n")])
        self.assertEqual(0, done.status, done)

    def test_check_reports_every_bad_line(self):
        done = call([ctl(), "check", self.draft("[network]\nnet_alow = x:1\nnet_bind = 99999\n")])
        self.assertEqual(1, done.status)
        text = done.out + done.err
        self.assertRegex(text, r"draft\.conf:2:.*net_allow")
        self.assertRegex(text, r"draft\.conf:3:")

    def test_check_reads_standard_input(self):
        for policy, status in (("[network]\n", 0), ("[nonsense]\n", 1)):
            with self.subTest(policy=policy):
                self.assertEqual(status, call([ctl(), "check", "-"], stdin=policy).status)

    def test_wrong_use_returns_2(self):
        for words in ((), ("nonsense",), ("check", "--nonsense"), ("test", "root")):
            with self.subTest(words=words):
                done = call([ctl(), *words])
                self.assertEqual((2, ""), (done.status, done.out), done)

    def test_help_and_version_go_to_standard_output(self):
        for word in ("--help", "--version"):
            with self.subTest(word=word):
                done = call([ctl(), word])
                self.assertEqual((0, ""), (done.status, done.err))
                self.assertTrue(done.out)

    def test_status_names_what_a_login_shell_does_not_cover(self):
        done = call([ctl(), "status"])
        self.assertEqual(0, done.status, done)
        for word in ("forward", "internal-sftp", "cron", "su "):
            with self.subTest(word=word):
                self.assertIn(word, done.out)

    def test_example_policies_are_good(self):
        place = tempfile.TemporaryDirectory(prefix="sandlock-examples.")
        self.addCleanup(place.cleanup)
        examples = shutil.copytree(ctl().parent.parent / "share/doc/sandlock/examples",
                                   Path(place.name, "examples"))
        # Of a group that is there.
        (examples / "@students.conf").rename(examples / "@users.conf")
        for path in examples.iterdir():
            done = call([ctl(), "check", path])
            with self.subTest(name=path.name):
                self.assertEqual(0, done.status, done)
