# SPDX-License-Identifier: BSD-3-Clause
"""The agent that SSH_AUTH_SOCK names: who holds its socket now decides, and nobody connects to ask."""
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, call, eventually
from listeners import listen
from session_test import SessionTest
from stage import STAGE
from test_deputy import script
from test_pam_nested import NestedTest
from test_unix_own import FORKED, LAST_PID

# A server under the name of an agent, which it gives itself.
IMITATION = """
import ctypes
ctypes.CDLL(None).prctl(15, b"ssh-agent", 0, 0, 0)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("in", flush=True)
server.accept()
print("came", flush=True)
"""


# A million descriptors, which end with the standard input.
MANY = """
import os, resource, sys
limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20)
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
for number in range(3, limit):
    os.dup2(1, number)
for _ in range((1 << 20) // limit):
    if os.fork() == 0:
        break
else:
    os.write(1, b"in\\n")
sys.stdin.read()
"""


# A server whose socket another thread alone holds, and a real agent that got it as its input.
HIDDEN = """
import ctypes, os, socket, subprocess, sys, threading, time
path, how = sys.argv[1], sys.argv[2]
libc = ctypes.CDLL(None, use_errno=True)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
subprocess.Popen(["ssh-agent", "-D", "-a", path + ".other"], stdin=server.fileno(),
                 stdout=subprocess.DEVNULL)
ready, gone = threading.Event(), threading.Event()
def serve():
    if how == "thread" and libc.unshare(0x400):  # CLONE_FILES
        os._exit(9)
    ready.set()
    gone.wait()
    os.write(1, b"in\\n")
    server.accept()
    os.write(1, b"came\\n")
threading.Thread(target=serve).start()
ready.wait()
while not os.path.exists(path + ".other"):
    time.sleep(0.02)
if how == "thread":
    os.close(server.fileno())
    gone.set()
else:
    threading.Timer(0.2, gone.set).start()
    libc.pthread_exit(None)
"""


class Agents:
    """What both ways in share: `who` logs in by `login`, with SSH_AUTH_SOCK naming a socket."""

    def place(self, name="agent"):
        path = self.who.home / name
        self.addCleanup(path.unlink, missing_ok=True)
        return path

    def start(self, *argv):
        """An agent of the user's outside, which forks; it ends with the test."""
        done = call(argv, user=self.who.uid, group=self.who.gid, extra_groups=[],
                    env={**os.environ, "HOME": str(self.who.home)})
        self.assertEqual(0, done.status, done)
        self.addCleanup(self.who.end_processes)
        return re.search(r"SSH_AUTH_SOCK=([^;]+);", done.out).group(1)

    def reach(self, path):
        """What ssh-add says to the agent inside: 1 is "no identities", 2 "no agent"."""
        return self.login(path, f"SSH_AUTH_SOCK={path} ssh-add -l >/dev/null 2>&1; echo $?")

    def connect(self, path):
        return self.login(path, script("connect", f"print(unix({str(path)!r}))"))

    def test_agent_that_forked_is_reached(self):
        path = self.start("ssh-agent", "-s")
        self.addCleanup(Path(path).unlink, missing_ok=True)
        self.assertEqual("1", self.reach(path))

    def test_agent_is_reached_in_two_sessions_at_once(self):
        """The helpers of the first one are processes of the user's that cannot be looked into."""
        path, go = self.place(), self.place("go")
        with subprocess.Popen(["ssh-agent", "-D", "-a", path], user=self.who.uid,
                              group=self.who.gid, stdout=subprocess.DEVNULL) as agent:
            self.addCleanup(agent.kill)
            eventually(path.exists, "the agent listens")
            with self.begin(path, f"touch {go}; while [ -e {go} ]; do sleep 0.05; done"):
                eventually(go.exists, "the first one runs")
                time.sleep(0.2)
                said = self.reach(path)
                go.unlink()
            agent.kill()
        self.assertEqual("1", said)

    def test_file_system_that_never_answers_is_not_waited_for(self):
        """One that a process of the user's serves, or a server elsewhere."""
        if "\tfuse\n" not in Path("/proc/filesystems").read_text():
            self.skipTest("this kernel has no FUSE")
        device, place = Path("/dev/fuse"), Path("/home/hung")
        os.mknod(device, 0o020666, os.makedev(10, 229))
        self.addCleanup(device.unlink)
        place.mkdir()
        self.addCleanup(place.rmdir)
        fuse = os.open(device, os.O_RDWR)
        options = f"fd={fuse},rootmode=40000,allow_other,user_id={self.who.uid},group_id={self.who.gid}"
        subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "hung", place], pass_fds=[fuse],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        self.addCleanup(os.close, fuse)
        start = time.monotonic()
        self.assertEqual("in", self.login(place / "agent", "echo in"))
        self.assertLess(time.monotonic() - start, 7)
        STAGE.log.wait("SSH_AUTH_SOCK is not allowed: its path cannot be followed")

    def test_agent_at_a_path_of_the_user_s_choice_is_reached(self):
        self.assertEqual("1", self.reach(self.start("ssh-agent", "-s", "-a", str(self.place()))))

    def test_agent_beside_zombies_is_reached(self):
        # pylint: disable-next=consider-using-with
        ended = subprocess.Popen([PYTHON, "-c", ""], user=self.who.uid, group=self.who.gid)
        self.addCleanup(ended.wait)
        eventually(lambda: "State:\tZ" in Path(f"/proc/{ended.pid}/status").read_text(), "it ends")
        self.assertEqual("1", self.reach(self.start("ssh-agent", "-s", "-a", str(self.place()))))

    def test_gpg_agent_is_reached_at_its_socket_for_ssh_alone(self):
        home = self.who.home / ".gnupg"
        home.mkdir(mode=0o700)
        os.chown(home, self.who.uid, self.who.gid)
        self.addCleanup(call, ["rm", "-r", home])
        subprocess.run(["gpg-agent", "--daemon", "--enable-ssh-support"], user=self.who.uid,
                       group=self.who.gid, extra_groups=[], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "GNUPGHOME": str(home)})
        self.addCleanup(self.who.end_processes)
        self.assertEqual("1", self.reach(home / "S.gpg-agent.ssh"))
        self.assertEqual("EACCES", self.connect(home / "S.gpg-agent"))

    def test_server_that_is_no_agent_sees_nothing_and_is_logged(self):
        path = self.place("bus")
        server = listen(self, str(path), family=socket.AF_UNIX)
        os.chown(path, self.who.uid, self.who.gid)
        STAGE.log.clear()
        self.assertEqual("EACCES", self.connect(path))
        self.assertEqual(0, server.arrivals())
        STAGE.log.wait(rf"SSH_AUTH_SOCK is not allowed: .*list its path in unix_allow.* path={path}")
        lines = [line for line in STAGE.log.lines if "SSH_AUTH_SOCK" in line]
        self.assertEqual(1, len(lines), lines)

    def test_server_outside_with_the_name_of_an_agent_sees_nothing(self):
        path = self.place()
        with subprocess.Popen([PYTHON, "-c", PROBE + IMITATION, path], user=self.who.uid,
                              group=self.who.gid, stdout=subprocess.PIPE) as server:
            self.assertEqual(b"in\n", server.stdout.readline())
            said = self.connect(path)
            server.kill()
            self.assertEqual(("EACCES", b""), (said, server.stdout.read()))

    def test_server_of_another_thread_beside_an_agent_sees_nothing(self):
        for how in ("thread", "leader is gone"):
            path = self.place()
            with subprocess.Popen([PYTHON, "-c", HIDDEN, path, how], user=self.who.uid,
                                  group=self.who.gid, stdout=subprocess.PIPE) as server:
                self.assertEqual(b"in\n", server.stdout.readline())
                said = self.connect(path)
                server.kill()
                self.who.end_processes()
                self.assertEqual(("EACCES", b""), (said, server.stdout.read()), how)
            for left in (path, Path(f"{path}.other")):
                left.unlink(missing_ok=True)

    def test_agent_with_the_pid_of_who_listened_is_not_trusted(self):
        path, number = self.place(), 29001
        LAST_PID.write_text(str(number - 1))
        subprocess.run([PYTHON, "-c", PROBE + FORKED, path], user=self.who.uid, group=self.who.gid,
                       stdout=subprocess.DEVNULL, check=True)
        self.addCleanup(self.who.end_processes)
        self.assertFalse(Path(f"/proc/{number}").exists())
        LAST_PID.write_text(str(number - 1))
        with subprocess.Popen(["ssh-agent", "-D", "-a", self.place("other")], user=self.who.uid,
                              group=self.who.gid, stdout=subprocess.DEVNULL) as agent:
            self.assertEqual(number, agent.pid)
            eventually((self.who.home / "other").exists, "the agent listens")
            said = self.connect(path)
            agent.kill()
        self.assertEqual("EACCES", said)

    def test_forked_agent_is_reached_where_proc_hides_processes(self):
        subprocess.run(["mount", "-o", "remount,hidepid=2", "/proc"], check=True)
        self.addCleanup(subprocess.run, ["mount", "-o", "remount,hidepid=0", "/proc"], check=True)
        path = self.start("ssh-agent", "-s")
        self.addCleanup(Path(path).unlink, missing_ok=True)
        self.assertEqual("1", self.reach(path))

    def test_later_server_at_the_path_of_the_agent_is_not_the_agent(self):
        path = self.place()
        with subprocess.Popen(["ssh-agent", "-D", "-a", path], user=self.who.uid,
                              group=self.who.gid, stdout=subprocess.DEVNULL) as agent:
            eventually(path.exists, "the agent listens")
            go = self.place("go")
            source = script("later", f"""
print(unix({str(path)!r}), flush=True)
open({str(go)!r}, "w").close()
while os.path.exists({str(go)!r}):
    time.sleep(0.02)
print(unix({str(path)!r}))
""")
            with self.begin(path, source) as login:
                eventually(go.exists, "the agent was reached")
                path.unlink()
                agent.kill()
                server = listen(self, str(path), family=socket.AF_UNIX)
                os.chown(path, self.who.uid, self.who.gid)
                go.unlink()
                self.assertEqual("ok\nEACCES\n", login.communicate()[0])
        self.assertEqual(0, server.arrivals())


class Shell(Agents, SessionTest):
    """A session of the login shell, which cannot look into agents."""

    POLICY = "[network]\n"

    def setUp(self):
        super().setUp()
        self.who = self.confined

    def options(self, path):
        return {"env": {**os.environ, "SSH_AUTH_SOCK": str(path)}}

    def login(self, path, command):
        return call(["su", "alice", "-c", command], **self.options(path)).out.strip()

    def begin(self, path, command):
        return subprocess.Popen(["su", "alice", "-c", command], stdout=subprocess.PIPE, text=True,
                                **self.options(path))


class Pam(Agents, NestedTest):
    """A session that PAM opens as root."""

    def setUp(self):
        super().setUp()
        STAGE.policy("[network]\n", "dora")
        self.who = self.dora
        self.addCleanup(self.dora.end_processes)

    def name(self, path):
        environment = Path("/etc/environment")
        self.addCleanup(environment.write_text, environment.read_text())
        environment.write_text(f"SSH_AUTH_SOCK={path}\n")

    def login(self, path, command):
        self.name(path)
        return call(["su", "dora", "-c", command]).out.strip()

    def begin(self, path, command):
        self.name(path)
        return subprocess.Popen(["su", "dora", "-c", command], stdout=subprocess.PIPE, text=True)

    def test_descriptors_of_another_user_s_do_not_hold_the_login(self):
        """Each takes some microseconds to look at, and anybody has as many as his limits let him."""
        path = self.start("ssh-agent", "-s", "-a", str(self.place()))
        self.name(path)
        with subprocess.Popen([PYTHON, "-c", MANY], user=self.erin.uid, group=self.erin.gid,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as many:
            self.assertEqual(b"in\n", many.stdout.readline())
            STAGE.log.clear()
            start = time.monotonic()
            done = call(["su", "dora", "-c", "echo in; ssh-add -l >/dev/null 2>&1; echo $?"])
            took = time.monotonic() - start
            many.stdin.close()
        self.assertEqual("in\n", done.out[:3])
        self.assertLess(took, 8)
        if done.out != "in\n1\n":  # unless all were looked at in time
            STAGE.log.wait("SSH_AUTH_SOCK is not allowed: its server cannot be determined")
        self.assertEqual("1", self.reach(path))

    def test_program_called_as_an_agent_but_not_of_root_is_none(self):
        """A copy of the interpreter, called ssh-agent."""
        copy = self.place("ssh-agent")
        call(["cp", PYTHON, copy], user=self.who.uid, group=self.who.gid)
        path = self.place()
        with subprocess.Popen([copy, "-c", PROBE + IMITATION, path], user=self.who.uid,
                              group=self.who.gid, stdout=subprocess.PIPE) as server:
            self.assertEqual(b"in\n", server.stdout.readline())
            said = self.connect(path)
            server.kill()
            self.assertEqual(("EACCES", b""), (said, server.stdout.read()))
