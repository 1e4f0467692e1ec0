# SPDX-License-Identifier: BSD-3-Clause
"""A number of a process is a name: what is learnt or done by it may meet another one by then."""
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from commands import eventually
from stage import STAGE, probe_program
from test_deputy import Talk
from test_pam_nested import NestedTest

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
SLOW_WRITE = "process_vm_writev,pwrite64:delay_enter=2000000"


class Reuse(NestedTest):
    """The supervisor is slow between two of its calls; the caller dies there, and a program of other
    rights gets its number."""

    def setUp(self):
        super().setUp()
        self.program = probe_program("pid_reuse")

    def privileged(self, owner=0):
        """A program that is `owner`'s whoever starts it."""
        program = STAGE.directory / f"reuse-{owner}"
        program.unlink(missing_ok=True)  # it may still run
        shutil.copy(self.program, program)
        os.chown(program, owner, owner)
        program.chmod(0o6755)
        self.addCleanup(program.unlink, missing_ok=True)
        return program

    def supervisor(self):
        """That of dora's session, whose real uid is another one."""
        found = []
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            ids = re.search(r"^Uid:\s+\d+\s+(\d+)", text, re.M)
            if text.startswith("Name:\tsandlock-superv\n") and int(ids.group(1)) == self.dora.uid:
                found.append(int(status.parent.name))
        self.assertEqual(1, len(found))
        return found[0]

    def slow(self, inject):
        """The session's supervisor, held up at the calls that `inject` names."""
        supervisor = self.supervisor()
        argv = ["strace", "-qq", "-o", STAGE.directory / "trace", "-p", str(supervisor)]
        # pylint: disable-next=consider-using-with
        tracer = subprocess.Popen([*argv, f"-einject={inject}"])
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.kill)
        eventually(lambda: f"TracerPid:\t{tracer.pid}\n" in
                   Path(f"/proc/{supervisor}/status").read_text(), "strace is attached")

    def session(self, words, become=""):
        """A login that waits until the supervisor is slow, then says what `words` say."""
        script = STAGE.directory / "go"
        script.write_text(f"echo in; read line; {words}\n")
        command = f"{become} '. {script}'" if become else f". {script}"
        login = Talk(self, ["su", "dora", "-c", command])
        self.assertEqual("in", login.said)
        return login

    def reused(self, words, inject, become=""):
        """What the second program says that has got the number of the first."""
        login = self.session(words, become)
        self.slow(inject)
        number = int(login.go_on())
        time.sleep(0.7)
        login.process.stdin.write("kill\n")
        login.process.stdin.flush()
        while login.listen() != "gone":
            pass
        LAST_PID.write_text(str(number - 1))
        login.process.stdin.write("start\n")
        login.process.stdin.flush()
        said = [login.listen() for _ in range(4)]
        self.assertIn(str(number), said, "the number was not given again")
        return said

    def test_length_of_a_message_is_not_written_into_another_program(self):
        STAGE.policy(self.rules(22), "dora")
        for word in ("plain", "hidden"):
            with self.subTest(word):
                said = self.reused(f"{self.program} sendmmsg {word} {self.privileged()} watch 2",
                                   SLOW_WRITE)
                self.assertIn("untouched", said)

    def test_length_is_not_written_into_what_a_thread_executes(self):
        STAGE.policy(self.rules(22), "dora")
        for word in ("plain", "hidden"):
            with self.subTest(word):
                login = self.session(f"{self.program} exec {word} {self.privileged()} watch 2")
                self.slow(SLOW_WRITE)
                self.assertIn("watches", login.go_on())
                self.assertEqual("untouched", login.listen())

    def test_lengths_are_written_for_every_kind_of_caller(self):
        """A user who forbids others his memory is told so, where set-uid programs may run."""
        send = f"{self.program} sendmmsg"
        STAGE.policy(self.rules(22), "dora")
        done = self.inside(f"{send} plain; su erin -c '{send} plain'; su erin -c '{send} hidden'; "
                           f"su root -c '{send} hidden'; {self.privileged()} sendmmsg plain; "
                           f"{send} hidden")
        self.assertEqual(done.out.split(), 5 * ["ok"] + ["EFAULT"], done)
        self.log.wait("denied user=dora .*operation=sendmmsg .*reason=not")
        STAGE.policy("[policy]\n[session]\nno_new_privs = yes\n[network]\n", "dora")
        done = self.inside(f"{send} plain; {send} hidden")
        self.assertEqual(done.out, "ok\nok\n", done)

    def test_signal_of_a_broken_pipe_does_not_end_another_program(self):
        STAGE.policy(self.rules(22), "dora")
        said = self.reused(f"{self.program} sendmsg - {self.privileged()} watch 2",
                           "tgkill,pidfd_send_signal:delay_enter=2000000")
        self.assertIn("untouched", said)

    def private_server(self):
        """A server of dora's in a directory that is nobody else's."""
        place = Path("/tmp/doras")
        place.mkdir()
        self.addCleanup(place.rmdir)
        server = self.listen(str(place / "socket"), family=socket.AF_UNIX)
        for path in (place, place / "socket"):
            os.chown(path, self.dora.uid, self.dora.gid)
        place.chmod(0o700)
        STAGE.policy(self.rules(22) + f"unix_allow = {place}/socket\nallow_udp = yes\n", "dora")
        return server

    def test_another_user_is_not_taken_for_who_has_its_number_later(self):
        server = self.private_server()
        command = f"{self.program} path {server.address} {self.privileged(self.dora.uid)} watch 2"
        self.reused(command, "openat2:delay_exit=1500000", "su erin -c")
        self.assertEqual(0, server.arrivals())

    def test_nothing_is_connected_for_who_is_gone(self):
        server = self.private_server()
        command = f"{self.program} path {server.address} {self.privileged()} watch 2"
        self.assertEqual("ok\n", self.inside(f"{self.program} path {server.address}").out)
        self.assertEqual(1, server.arrivals())
        self.reused(command, "openat2:delay_exit=1500000")
        self.assertEqual(0, server.arrivals())

    def test_socket_is_not_made_with_the_pid_of_an_earlier_caller(self):
        self.private_server()
        place = Path("/tmp/doras/made")
        self.addCleanup(place.unlink, missing_ok=True)
        command = f"{self.program} bind {place} {self.privileged(self.dora.uid)} watch 2"
        self.assertEqual("EACCES\n", self.inside(f"su erin -c '{self.program} bind {place}'").out)
        self.reused(command, "ioctl:delay_exit=1500000:when=2", "su erin -c")
        self.assertFalse(place.exists())

    def test_refusal_is_not_logged_for_a_later_process_of_the_pid(self):
        STAGE.policy(self.rules(22), "dora")
        self.reused(f"{self.program} port 9 {self.privileged()} watch 2",
                    "ioctl:delay_exit=1500000:when=2")
        line = self.log.wait("denied user=dora .*destination=127.0.0.1:9 ")
        self.assertIn(" program=? ", line)
