# SPDX-License-Identifier: BSD-3-Clause
"""The classes of ways out: for each its program, who sees what arrives, and what a try begins with.

Called by test_escape.py and test_escape_root.py, which say who tries them; escape.py runs them.
"""
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pam_callers
from commands import PYTHON, call
from sniffer import Sniffer
from stage import probe_program

SO_RCVBUFFORCE = 33


def copies(program):
    """One that nobody may read, a set-uid one of root's, a 32-bit one where the processor knows it."""
    for name, mode in (("unreadable", 0o711), ("setuid", 0o4755)):
        copy = program.with_name(f"{program.name}.{name}")
        shutil.copy(program, copy)
        copy.chmod(mode)
    if probe_program("escape_32").exists():
        shutil.copy(probe_program("escape_32"), f"{program}.32")


class Tcp:
    PROGRAM = "escape_tcp"

    def prepare(self):
        copies(probe_program(self.PROGRAM))
        first = self.listen("0.0.0.0")
        self.witnesses = [first, self.listen("::1", first.port)]
        return self.listen().port


class Callers(Tcp):
    PROGRAM = "escape_callers"


class Udp:
    PROGRAM = "escape_udp"

    def prepare(self):
        first = self.listen("0.0.0.0", kind=socket.SOCK_DGRAM)
        self.witnesses = [first, self.listen("::1", first.port, kind=socket.SOCK_DGRAM)]
        for witness in self.witnesses:  # a race won bare is thousands of messages
            witness.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        return self.listen(kind=socket.SOCK_DGRAM).port


class Listen:
    """The other direction: we come, and nobody must be there."""
    PROGRAM = "escape_listen"

    def prepare(self):
        self.witnesses = []
        return self.listen().port

    def words(self, _who):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1], "-"

    def attempt(self, who, probe):
        """`ok` is said only where we were seen."""
        clients = []

        def come(line):
            if " " not in line:
                return line
            host, port = line.split()
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            kind = socket.SOCK_DGRAM if "udp" in probe else socket.SOCK_STREAM
            clients.append(socket.socket(family, kind))
            clients[0].connect((host, int(port)))
            if kind == socket.SOCK_DGRAM:
                clients[0].send(b"x")
            return None

        said = who.ask(self.command(who, probe), come)
        for client in clients:
            client.close()
        return said, int(said == "ok")


class Unix:
    PROGRAM = "escape_unix"
    DIRECTORY = Path("/tmp/others")

    def prepare(self):
        self.DIRECTORY.mkdir(exist_ok=True)
        kinds = (("stream", socket.SOCK_STREAM), ("seqpacket", socket.SOCK_SEQPACKET),
                 ("datagram", socket.SOCK_DGRAM))
        self.witnesses = [
            *(self.listen(f"{self.DIRECTORY}/foreign.{name}", family=socket.AF_UNIX, kind=kind)
              for name, kind in kinds),
            self.listen("\0foreign.abstract", family=socket.AF_UNIX),
            self.listen("\0foreign.datagram", family=socket.AF_UNIX, kind=socket.SOCK_DGRAM)]
        return 1

    def words(self, _who):
        return 1, "foreign"

    def command(self, who, probe):
        return f"cd {self.DIRECTORY} && {super().command(who, probe)}"

    def attempt(self, who, probe):
        said = super().attempt(who, probe)
        for path in ("/var/tmp/to-foreign", "/tmp/to-foreign.stream"):
            Path(path).unlink(missing_ok=True)
        return said


class OwnServer:
    """A server of the user's own that no session confines: it sees nothing, not even a connection."""
    PROGRAM = "escape_unix"
    MADE = ("here", "there", "inside", "link", "link.new", "hard", "hard.new", "linked")

    def prepare(self):
        self.witnesses = []
        for who in dict.fromkeys(self.accounts()):
            path = str(who.home / "outside")
            self.witnesses.append(self.listen(path, family=socket.AF_UNIX))
            os.chown(path, who.uid, who.gid)
        return 1

    def words(self, who):
        return 1, who.home

    def attempt(self, who, probe):
        said = super().attempt(who, probe)
        subprocess.run(["rm", "-rf", *(who.home / name for name in self.MADE)], check=True)
        return said


class Files:
    """A directory that the policy does not name: only its modes open it, and to everybody."""
    PROGRAM = "escape_files"
    RESTRICTS_FILES = True

    def prepare(self):
        self.directory = self.accounts()[0].home.parent / "free"
        tries = [who.home / "try" for who in self.accounts()]
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory, *tries], check=True)
        return 1

    def words(self, _who):
        return 1, self.directory

    def fill(self, who):
        """The directory as it is before a try, and a home for what a try makes."""
        subprocess.run(["rm", "-rf", self.directory, who.home / "try"], check=True)
        for directory in (self.directory, self.directory / "below", who.home / "try"):
            directory.mkdir()
            os.chown(directory, who.uid, -1)
        shutil.copy("/bin/true", self.directory / "program")
        for name in ("file", "below/file", "script"):
            (self.directory / name).write_text("" if name == "script" else "kept")
            os.chown(self.directory / name, who.uid, -1)

    def state(self):
        """All names, and what is in them."""
        return sorted((str(path), path.lstat().st_mode, path.lstat().st_nlink,
                       path.read_bytes() if path.is_file() else b"")
                      for path in self.directory.rglob("*"))

    def command(self, who, probe):
        return f"cd {who.home}/try && {super().command(who, probe)}"

    def attempt(self, who, probe):
        self.fill(who)
        before = self.state()
        said = who.ask(self.command(who, probe))
        return said, int(said == "ok" or self.state() != before)


class Linked(Files):
    """The same, where the policy names a link to it that the user made before the login."""
    PLACES = "".join(f"{right}.linked = %h/linked\n" for right in ("read", "write", "exec"))

    def prepare(self):
        for who in dict.fromkeys(self.accounts()):
            link = who.home / "linked"
            self.addCleanup(link.unlink, missing_ok=True)
            link.symlink_to(who.home.parent / "free")
            os.lchown(link, who.uid, who.gid)
        return super().prepare()


VICTIM = """
import ctypes, os, signal, sys
word = ctypes.create_string_buffer(b"good", 4)
reader, writer = os.pipe()
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"signal\\n"))  # print() could be interrupted
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)  # Yama: anybody may trace it
print(os.getpid(), ctypes.addressof(word), writer, sep=":", flush=True)
os.set_blocking(reader, False)
while True:
    line = sys.stdin.readline()
    if not line:
        break
    try:
        said = os.read(reader, 100)
    except BlockingIOError:
        said = b""
    print("told" if said or word.raw != b"good" else "quiet", flush=True)
    word.raw = b"good"
"""


def victim_start(case, who):
    """The process, and its words for the probe."""
    # pylint: disable-next=consider-using-with
    victim = subprocess.Popen([PYTHON, "-c", VICTIM], user=who.uid, group=who.gid, extra_groups=[],
                              process_group=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    for cleanup in (victim.stdin.close, victim.stdout.close, victim.wait, victim.kill):
        case.addCleanup(cleanup)
    return victim, victim.stdout.readline().strip()


class Outside:
    """A process of the same uid outside: its word and its pipe are what is written to."""
    PROGRAM = "escape_outside"

    def prepare(self):
        return 1

    def attend(self):
        self.victims = {who: victim_start(self, who) for who in (self.outside, self.inside)}

    def words(self, who):
        return 1, self.victims[who][1]

    def arrived(self):
        count = 0
        for victim, _ in self.victims.values():
            victim.stdin.write("\n")
            victim.stdin.flush()
            while (line := victim.stdout.readline().strip()) == "signal":
                count += 1
            count += line == "told"
        return count


class Keepers:
    """The session's own supervisor, and the shell's parent; bare, any process of the same uid."""
    PROGRAM = "escape_outside"

    def prepare(self):
        return self.listen().port

    def attend(self):
        self.assertEqual("ready", self.inside.ask("echo ready"))
        self.keepers = pam_callers.keepers("sandlock-superv") + pam_callers.keepers("sandlock-shell")
        self.assertTrue(self.keepers)

    def through(self, setting):
        super().through(setting)
        self.assertEqual("ok", self.inside.ask(
            f"exec {probe_program('escape_tcp')} connect {self.allowed} 1 -"), "they go on serving")

    @staticmethod
    def state(pid):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return (fields[0] in "ZXTt", fields[16], os.sched_getscheduler(pid),
                    os.sched_getaffinity(pid),
                    [Path(f"/proc/{pid}/{name}").read_text() for name in (
                        "oom_score_adj", "timerslack_ns", "coredump_filter")],
                    call(["prlimit", "--noheadings", "--pid", pid]).out,
                    call(["ionice", "-p", pid]).out)
        except OSError:
            return None

    def done_to(self, who, words, probe):
        pid = int(words.split(":")[0])
        before = self.state(pid)
        said = who.ask(f"exec {probe_program(self.PROGRAM)} {probe} 1 1 {words}")
        return said, int(self.state(pid) != before)

    def attempt(self, who, probe):
        if who is self.outside:
            victim, words = victim_start(self, who)
            said = self.done_to(who, words, probe)
            victim.kill()
            return said
        said, changed = zip(*(self.done_to(who, f"{pid}:4096:3", probe) for pid in self.keepers))
        return "/".join(sorted(set(said))), sum(changed)

    def leads_out(self, said, arrived):
        return said == "ok"


class Others(Keepers):
    """A process of the same uid outside: its limits, priority, processors and scheduler."""

    def attempt(self, who, probe):
        victim, words = victim_start(self, who)
        said = self.done_to(who, words, probe)
        victim.kill()
        return said


class Machine:
    """What would undo a sandbox from within, or change the machine around it."""
    PROGRAM = "escape_root"

    def prepare(self):
        paths = ["/run/docker.sock", "/run/dbus/system_bus_socket",
                 *(f"/run/user/{uid}/bus" for uid in self.uids())]
        for path in paths:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.witnesses = [self.listen(path, family=socket.AF_UNIX) for path in paths]
        for uid in self.uids():
            os.chown(f"/run/user/{uid}/bus", uid, -1)
        self.other = self.listen("192.0.2.1")
        return 1

    def attend(self):
        # pylint: disable-next=consider-using-with
        victim = subprocess.Popen(["sleep", "1000"], user=self.inside.uid, group=self.inside.gid,
                                  extra_groups=[])
        self.addCleanup(victim.wait)
        self.addCleanup(victim.kill)
        self.victim = victim.pid

    def words(self, _who):
        return self.other.port, self.victim

    def attempt(self, who, probe):
        said = who.ask(self.command(who, probe))
        return said, int(said == "ok")


class Service:
    """The ids of the account that serves all sessions."""
    PROGRAM = "escape_service"

    def prepare(self):
        self.witnesses = []
        return 1

    def words(self, _who):
        return 1, "-"

    def attempt(self, who, probe):
        said = who.ask(self.command(who, probe))
        return said, int(said == "ok")


class Kernel(Machine):
    PROGRAM = "escape_kernel"


class Emission:
    """What the kernel sends on a socket's behalf, by an interface beside loopback."""
    PROGRAM = "escape_emit"

    def prepare(self):
        self.sniffer = Sniffer()
        self.addCleanup(lambda: self.sniffer.close())
        return self.listen().port

    def words(self, _who):
        return 1, self.sniffer.NAME

    def attempt(self, who, probe):
        said = who.ask(self.command(who, probe))
        arrived = int(self.sniffer.seen(0.5))
        self.sniffer.quiet()
        if probe == "walk_rest":  # bare, root may have changed the interface
            self.sniffer.close()
            self.sniffer = Sniffer()
        return said, arrived


WAYS = (Tcp, Callers, Udp, Listen, Unix, OwnServer, Files, Linked, Outside, Keepers, Others, Service,
        Machine, Kernel, Emission)
