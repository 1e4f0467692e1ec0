"""Ways out of a session, each shown bare to lead out, then tried inside: nothing may arrive.

One test a probe; the probes are C programs in probes/. A way that does not lead out bare on this
machine is skipped with what it said, never counted as held. Each class prints its table at the end.
"""
import os
import shutil
import socket
import subprocess
from pathlib import Path

from harness import PREFIX, PYTHON, STAGE, SessionTest, call, compiled

WITHOUT_UDP = "[network]\nnet_allow = 127.0.0.1:{allowed}\n"
WITH_UDP = WITHOUT_UDP + "allow_udp = yes\n"


def each(*rows):
    """Makes a test of each row: the probe, what it says inside without UDP and with it.

    None: whatever it says, only what arrives counts. The second word may be left out.
    """
    def fill(case):
        for probe, *words in rows:
            def test(self, probe=probe, words=words):
                self.try_out(probe, words[-1 if self.UDP else 0])
            setattr(case, f"test_{probe}", test)
        return case
    return fill


class Escape(SessionTest):
    PROGRAM = None
    UDP = False

    @classmethod
    def setUpClass(cls):
        cls.table = []

    @classmethod
    def tearDownClass(cls):
        width = max([len(row[0]) for row in cls.table] + [5])
        for row in [("probe", "bare", "inside")] * bool(cls.table) + cls.table:
            print(f"  {row[0]:{width}}  {row[1]:24}{row[2]}")

    def setUp(self):
        super().setUp()
        self.allowed, self.witnesses = self.prepare()
        STAGE.policy((WITH_UDP if self.UDP else WITHOUT_UDP).format(allowed=self.allowed))

    def prepare(self):
        """The port that may be reached, and who sees what arrives elsewhere."""
        raise NotImplementedError

    def words(self, _who):
        """Port and path for the probe."""
        return self.witnesses[0].port, "-"

    def arrived(self):
        return sum(witness.arrivals() for witness in self.witnesses)

    def attempt(self, who, probe):
        """What the probe said, and how often somebody saw it."""
        port, path = self.words(who)
        done = who.su(f"exec {compiled(self.PROGRAM)} {probe} {port} {self.allowed} {path}")
        self.assertEqual((0, ""), (done.status, done.err), done)
        return done.out.strip(), self.arrived()

    def try_out(self, probe, expected):
        said, arrived = self.attempt(self.bare, probe)
        bare = f"{said}, {arrived} arrived"
        if said != "ok" or not arrived:
            self.table.append((probe, bare, "not tried"))
            self.skipTest(f"leads nowhere bare: {bare}")
        said, arrived = self.attempt(self.confined, probe)
        self.table.append((probe, bare, f"{said}, {arrived} arrived"))
        self.assertEqual(0, arrived)
        if expected:
            self.assertEqual(expected, said)


@each(("connect", "EACCES"), ("connect_ipv6", "EACCES"), ("connect_mapped", "EACCES"),
      ("connect_any", "EACCES"), ("connect_any_ipv6", "EACCES"), ("connect_any_mapped", "EACCES"),
      ("connect_any_from_bound", "EACCES"), ("connect_overlong", "EACCES"),
      ("connect_without_scope", "EACCES"), ("connect_nonblocking", "EACCES"),
      ("connect_again_after_unspec", "EACCES"), ("fast_open_sendto", "EOPNOTSUPP"),
      ("fast_open_sendmsg", "EOPNOTSUPP"), ("fast_open_sendmmsg", "EOPNOTSUPP"),
      ("fast_open_connect", "EACCES"), ("mptcp", "EPERM"), ("smc", "EPERM"), ("sctp", "EPERM"),
      ("io_uring", "EPERM"), ("int80_connect", "ENOSYS"), ("int80_socketcall", "ENOSYS"),
      ("x32_connect", "ENOSYS"), ("tracer_changes_number", "EACCES"),
      ("listener_of_ones_own", "EBUSY"), ("from_vfork", "EACCES"), ("from_orphan", "EACCES"),
      ("from_clone_vm", "EACCES"), ("from_sibling", "EACCES"), ("from_thread", "EACCES"),
      ("from_unshared_thread", "EACCES"), ("from_thread_without_leader", "EACCES"),
      ("from_nondumpable", "EACCES"), ("race_port", "EACCES"), ("race_port_in_a_file", "EACCES"),
      ("race_any", "EACCES"), ("race_descriptor", "EACCES"))
class Tcp(Escape):
    PROGRAM = "escape_tcp"

    def prepare(self):
        first = self.listen()
        return self.listen().port, [first, self.listen("::1", first.port)]

    def test_from_unreadable_program(self):
        """Nobody looks into its memory: what it asks cannot be judged."""
        program = compiled(self.PROGRAM)
        program.chmod(0o711)
        self.addCleanup(program.chmod, 0o755)
        self.try_out("connect", "EACCES")


class TcpWithUdp(Tcp):
    UDP = True


@each(("sendto", "EPERM", "EACCES"), ("sendto_any", "EPERM", "EACCES"),
      ("sendto_ipv6", "EPERM", "EACCES"), ("sendto_mapped", "EPERM", "EACCES"),
      ("sendto_any_ipv6", "EPERM", "EACCES"), ("sendto_any_mapped", "EPERM", "EACCES"),
      ("sendto_ipv4_on_ipv6", "EPERM", "EACCES"), ("sendto_without_family", "EPERM", "EACCES"),
      ("sendto_without_scope", "EPERM", "EACCES"), ("sendto_overlong", "EPERM", "EACCES"),
      ("sendmsg", "EPERM", "EACCES"), ("sendmsg_overlong", "EPERM", "EACCES"),
      ("sendmsg_with_interface", "EPERM", "EACCES"), ("sendmmsg", "EPERM", "EACCES"),
      ("sendmmsg_behind_another", "EPERM", "EACCES"), ("connected", "EPERM", "EACCES"),
      ("connected_elsewhere", "EPERM", "EACCES"),
      ("connected_again_after_unspec", "EPERM", "EACCES"), ("race_sendto", "EPERM", None),
      ("race_sendmmsg", "EPERM", None), ("race_name_of_sendmsg", "EPERM", None))
class Udp(Escape):
    PROGRAM = "escape_udp"

    def prepare(self):
        first = self.listen(kind=socket.SOCK_DGRAM)
        return (self.listen(kind=socket.SOCK_DGRAM).port,
                [first, self.listen("::1", first.port, kind=socket.SOCK_DGRAM)])


class UdpWithUdp(Udp):
    UDP = True


@each(("bind", "EACCES"), ("bind_any", "EACCES"), ("bind_any_port", "EACCES"),
      ("bind_without_family", "EACCES"), ("bind_ipv6", "EACCES"), ("bind_mapped", "EACCES"),
      ("listen_unbound", "EACCES"), ("listen_unbound_ipv6", "EACCES"),
      ("listen_after_a_connection", "EACCES"), ("bind_mptcp", "EPERM"),
      ("bind_udp", "EPERM", "EACCES"), ("bind_udp_ipv6", "EPERM", "EACCES"),
      ("bind_udp_without_family", "EPERM", "EACCES"))
class Listen(Escape):
    """The other direction: we come, and nobody must be there."""
    PROGRAM = "escape_listen"

    def prepare(self):
        return self.listen().port, []

    def attempt(self, who, probe):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = f"exec {compiled(self.PROGRAM)} {probe} {port} {self.allowed} -"
        with subprocess.Popen(["su", "-", who.name, "-c", command], stdout=subprocess.PIPE,
                              text=True) as server:
            said = server.stdout.readline().strip()
            if " " not in said:
                return said, 0
            host, port = said.split()
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            kind = socket.SOCK_DGRAM if "udp" in probe else socket.SOCK_STREAM
            with socket.socket(family, kind) as client:
                client.connect((host, int(port)))
                if kind == socket.SOCK_DGRAM:
                    client.send(b"x")
                said = server.stdout.readline().strip()
        return said, int(said == "ok")


class ListenWithUdp(Listen):
    UDP = True


@each(("absolute", "EACCES"), ("relative", "EACCES"), ("seqpacket", "EACCES"),
      ("unterminated", "EACCES"), ("padded", "EACCES"), ("through_link", "EACCES"),
      ("through_proc_root", "ELOOP"), ("through_proc_cwd", "ELOOP"), ("through_proc_fd", "ELOOP"),
      ("sendto", "EACCES"), ("sendmsg", "EACCES"), ("connected_datagram", "EACCES"),
      ("abstract", "ECONNREFUSED"))
class Unix(Escape):
    PROGRAM = "escape_unix"
    DIRECTORY = "/tmp/others"

    def prepare(self):
        os.makedirs(self.DIRECTORY, exist_ok=True)
        kinds = (("stream", socket.SOCK_STREAM), ("seqpacket", socket.SOCK_SEQPACKET),
                 ("datagram", socket.SOCK_DGRAM))
        return 1, [*(self.listen(f"{self.DIRECTORY}/foreign.{name}", family=socket.AF_UNIX,
                                 kind=kind) for name, kind in kinds),
                   self.listen("\0foreign.abstract", family=socket.AF_UNIX)]

    def words(self, who):
        return 1, "foreign.abstract"

    def attempt(self, who, probe):
        done = who.su(f"cd {self.DIRECTORY} && exec {compiled(self.PROGRAM)} {probe} 1 1 "
                      "foreign.abstract")
        self.addCleanup(Path("/var/tmp/to-foreign").unlink, missing_ok=True)
        self.assertEqual((0, ""), (done.status, done.err), done)
        Path("/var/tmp/to-foreign").unlink(missing_ok=True)
        return done.out.strip(), self.arrived()


@each(("outside", "EACCES"), ("outside_by_hard_link", "EACCES"), ("race_names", None),
      ("race_directories", None), ("race_links", None), ("race_hard_links", None),
      ("race_working_directory", None), ("race_memory", None))
class OwnServer(Escape):
    """A server of the user's own that no session confines: it may be asked who it is, not spoken to."""
    PROGRAM = "escape_unix"

    def prepare(self):
        self.servers = {}
        for who in (self.bare, self.confined):
            path = str(who.home / "outside")
            self.servers[who] = self.listen(path, family=socket.AF_UNIX)
            os.chown(path, who.uid, who.gid)
            self.addCleanup(subprocess.run, ["rm", "-rf", *(
                who.home / name for name in ("here", "there", "inside", "link", "link.new", "hard",
                                             "hard.new", "linked"))], check=True)
        return 1, list(self.servers.values())

    def words(self, who):
        return 1, "-"

    def arrived(self):
        return sum(witness.said().count(b"word") for witness in self.witnesses)


@each(*((probe, None) for probe in """
      read_open read_openat read_openat2 read_from_inside read_reopened
      read_through_root read_through_cwd read_through_link read_linked read_linked_by_descriptor
      read_moved read_exchanged read_with_its_directory_moved read_mapped read_sent
      read_by_child read_after_vfork read_by_namespace list write_open write_appended
      write_reopened cut cut_by_open make make_nameless make_directory make_link make_hard_link
      make_fifo make_socket make_socket_from_inside move_in move_within remove_file
      remove_directory execute_path execute_descriptor execute_by_loader execute_by_interpreter
      execute_by_first_line""".split()))
class Files(Escape):
    """A directory that the policy does not name: only its modes open it, and to everybody."""
    PROGRAM = "escape_files"

    def prepare(self):
        self.policy = "[policy]\ninclude = system\n[filesystem]\nwrite = %h\n"
        self.policy += f"exec = {STAGE.directory}\n"
        self.directory = self.confined.home.parent / "free"
        tries = [who.home / "try" for who in (self.bare, self.confined)]
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory, *tries], check=True)
        copy = STAGE.policies / "system.inc"
        shutil.copy(PREFIX / "share/doc/sandlock/examples/system.inc", copy)
        self.addCleanup(copy.unlink)
        return 1, []

    def setUp(self):
        super().setUp()
        STAGE.policy(self.policy + ("[network]\nallow_udp = yes\n" if self.UDP else ""))

    def fill(self, who):
        """The directory as it is before a try, and a home for what a try makes."""
        subprocess.run(["rm", "-rf", self.directory, who.home / "try"], check=True)
        for directory in (self.directory, self.directory / "below", who.home / "try"):
            directory.mkdir()
            os.chown(directory, who.uid, who.gid)
        shutil.copy("/bin/true", self.directory / "program")
        for name in ("file", "below/file", "script"):
            (self.directory / name).write_text("" if name == "script" else "kept")
            os.chown(self.directory / name, who.uid, who.gid)

    def state(self):
        """All names, and what is in them."""
        return sorted((str(path), path.lstat().st_mode, path.lstat().st_nlink,
                       path.read_bytes() if path.is_file() else b"")
                      for path in self.directory.rglob("*"))

    def attempt(self, who, probe):
        self.fill(who)
        before = self.state()
        done = who.su(f"cd try && exec {compiled(self.PROGRAM)} {probe} 1 1 {self.directory}")
        self.assertEqual((0, ""), (done.status, done.err), done)
        said = done.out.strip()
        return said, int(said == "ok" or self.state() != before)


class FilesWithUdp(Files):
    """Where sockets are made on behalf."""
    UDP = True


VICTIM = """
import ctypes, os, signal, sys
word = ctypes.create_string_buffer(b"good", 4)
reader, writer = os.pipe()
signal.signal(signal.SIGUSR1, lambda *_: print("signal", flush=True))
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


@each(("kill", "EPERM"), ("tkill", "EPERM"), ("tgkill", "EPERM"), ("sigqueue", "EPERM"),
      ("pidfd_send_signal", "EPERM"), ("proc_directory_as_pidfd", "EPERM"),
      ("owner_of_descriptor", None), ("ptrace_attach", "EPERM"), ("process_vm_writev", "EPERM"),
      ("proc_mem", "EACCES"), ("pidfd_getfd", "EPERM"), ("proc_fd", "EACCES"))
class Outside(Escape):
    """A process of the same user outside: its word and its pipe are what is written to."""
    PROGRAM = "escape_outside"

    def prepare(self):
        self.victims = {}
        for who in (self.bare, self.confined):
            victim = subprocess.Popen([PYTHON, "-c", VICTIM], user=who.uid, group=who.gid,
                                      extra_groups=[], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
            for cleanup in (victim.stdin.close, victim.stdout.close, victim.wait, victim.kill):
                self.addCleanup(cleanup)
            self.victims[who] = victim, victim.stdout.readline().strip()
        return 1, []

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


class Keepers(SessionTest):
    """The session's own parent and supervisor: nothing is done to them, and they go on serving."""
    EVERY = ("kill", "tkill", "tgkill", "sigqueue", "pidfd_send_signal", "proc_directory_as_pidfd",
             "owner_of_descriptor", "ptrace_attach", "ptrace_seize", "process_vm_writev",
             "proc_mem", "pidfd_getfd", "proc_fd", "prlimit", "setpriority", "setpriority_group",
             "sched_setaffinity", "sched_setscheduler", "ioprio_set")

    @staticmethod
    def state(pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return fields[16], os.sched_getscheduler(pid), os.sched_getaffinity(pid), call(
            ["prlimit", "--nofile", "--noheadings", "--pid", pid]).out

    def test_nothing_is_done_to_them(self):
        listener = self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{listener.port}\n")
        program = compiled("escape_outside")
        with subprocess.Popen(["su", "-", self.confined.name], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as login:
            def ask(command):
                login.stdin.write(command + "\n")
                login.stdin.flush()
                return login.stdout.readline().strip()

            ask("echo ready")
            keepers = [pid for name in ("sandlock-supervisor", "sandlock-shell")
                       for pid in self.confined.processes(name)]
            self.assertEqual(2, len(keepers))
            before = [self.state(pid) for pid in keepers]
            for pid in keepers:
                for probe in self.EVERY:
                    with self.subTest(probe=probe):
                        said = ask(f"{program} {probe} 1 1 {pid}:4096:4")
                        if probe != "owner_of_descriptor":
                            self.assertIn(said, ("EPERM", "EACCES"))
            self.assertEqual(before, [self.state(pid) for pid in keepers])
            self.assertEqual("ok", ask(f"(exec 3<>/dev/tcp/127.0.0.1/{listener.port}) && echo ok"))
            self.assertEqual(1, listener.arrivals())
            login.stdin.close()
