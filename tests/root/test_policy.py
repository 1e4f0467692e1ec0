# SPDX-License-Identifier: BSD-3-Clause
"""The rest of the language, each key in force: shown first to be possible bare."""
import os
import socket
import subprocess

from accounts import Account
from commands import PYTHON, call
from session_test import SessionTest
from stage import PREFIX, STAGE, ctl

UDP = """
def send(how, port, *names):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name = ("127.0.0.1", port)
    if how == "connect":
        client.connect(name)
        client.send(b"c")
        return client.sendmsg([b"m"])
    if how == "sendto":
        return client.sendto(b"t", name)
    if how == "connected":
        client.connect(("127.0.0.1", OPEN))
        return client.sendto(b"d", name)
    if how == "mapped":
        return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"6", ("::ffff:127.0.0.1", port))
    return client.sendmsg([b"g"], [], 0, name)
WAYS = ["connect", "sendto", "sendmsg", "connected", "mapped"]
"""


class Udp(SessionTest):
    def setUp(self):
        super().setUp()
        self.open = self.listen(kind=socket.SOCK_DGRAM)
        self.shut = self.listen(kind=socket.SOCK_DGRAM)
        STAGE.policy(f"[network]\nnet_allow = udp://127.0.0.1:{self.open.port}\nnet_bind = 4711\n")

    def source(self, text):
        return f"OPEN, SHUT = {self.open.port}, {self.shut.port}\n{UDP}\n{text}"

    def test_listed_port_alone_is_reached_by_every_send(self):
        source = self.source("answer([[attempt(send, way, port) for way in WAYS]"
                             " for port in (OPEN, SHUT)])")
        self.assertEqual([["ok"] * 5, ["ok"] * 5], self.bare.python(source))
        self.assertEqual((6, 6), (self.open.arrivals(), self.shut.arrivals()))
        self.assertEqual([["ok"] * 5, ["EACCES"] * 5], self.confined.python(source))
        self.assertEqual((6, 0), (self.open.arrivals(), self.shut.arrivals()))

    def test_address_without_family_is_read_as_the_kernel_does(self):
        source = self.source("""
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
def send(port):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name = struct.pack("HH", 0, socket.htons(port)) + bytes([127, 0, 0, 1] + [0] * 8)
    if libc.sendto(client.fileno(), b"x", 1, 0, name, 16) < 0:
        raise OSError(ctypes.get_errno(), "")
answer([attempt(send, port) for port in (OPEN, SHUT)])""")
        self.assertEqual(["ok", "ok"], self.bare.python(source))
        self.assertEqual((1, 1), (self.open.arrivals(), self.shut.arrivals()))
        self.assertEqual(["ok", "EACCES"], self.confined.python(source))
        self.assertEqual((1, 0), (self.open.arrivals(), self.shut.arrivals()))

    def test_messages_sent_together_stop_at_the_first_refused_one(self):
        source = self.source("""
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint),
                ("vectors", ctypes.POINTER(Vector)), ("count", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("unused", ctypes.c_int), ("sent", ctypes.c_uint)]
names = [ctypes.create_string_buffer(struct.pack("HH", 2, socket.htons(port)) +
         bytes([127, 0, 0, 1] + [0] * 8), 16) for port in (OPEN, OPEN, SHUT, OPEN)]
vector = Vector(b"hello", 5)
messages = (Message * 4)()
for message, name in zip(messages, names):
    message.name, message.name_length = ctypes.addressof(name), 16
    message.vectors, message.count = ctypes.pointer(vector), 1
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
answer([libc.sendmmsg(client.fileno(), messages, 4, 0), [message.sent for message in messages]])""")
        self.assertEqual([4, [5, 5, 5, 5]], self.bare.python(source))
        self.assertEqual((3, 1), (self.open.arrivals(), self.shut.arrivals()))
        self.assertEqual([2, [5, 5, 0, 0]], self.confined.python(source))
        self.assertEqual((2, 0), (self.open.arrivals(), self.shut.arrivals()))

    def test_association_is_dissolved_as_bare(self):
        source = self.source("""
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
def dissolve(client):
    name = struct.pack("H", socket.AF_UNSPEC) + bytes(26)
    if libc.connect(client.fileno(), name, len(name)) < 0:
        raise OSError(ctypes.get_errno(), "")
said = []
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.connect((host, OPEN))
    said.append(attempt(client.send, b"x"))
    said.append(attempt(dissolve, client))
    said.append(attempt(client.send, b"x"))
answer(said)""")
        said = self.both(lambda who: who.python(source))
        self.assertEqual(["ok", "ok", "EDESTADDRREQ"] * 2, said)

    def test_ports_to_bind_are_ephemeral_or_listed(self):
        source = """
def bind(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", port))
answer([attempt(bind, port) for port in (0, 4711, 4712)])"""
        self.assertEqual(["ok", "ok", "ok"], self.bare.python(source))
        self.assertEqual(["ok", "ok", "EACCES"], self.confined.python(source))

    def test_unix_sockets_are_made_as_the_umask_says(self):
        source = """
os.chdir(os.environ["HOME"])
def made(umask, name):
    os.umask(umask)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(name)
    mode = os.stat(name).st_mode & 0o777
    os.unlink(name)
    return mode
answer([made(0o077, "relative"), made(0o022, os.path.join(os.environ["HOME"], "absolute"))])"""
        self.assertEqual([0o700, 0o755], self.both(lambda who: who.python(source)))

    def test_options_of_the_ip_header_are_refused(self):
        # Source routes among them, which the kernel leaves to root today; so the test sends no-ops.
        source = self.source("""
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
options = bytes([1, 1, 1, 0])
answer([attempt(client.setsockopt, 0, 4, options),
        attempt(client.sendmsg, [b"x"], [(0, 7, options)], 0, ("127.0.0.1", OPEN))])""")
        self.assertEqual(["ok", "ok"], self.bare.python(source))
        self.assertEqual(1, self.open.arrivals())
        self.assertEqual(["EPERM", "EPERM"], self.confined.python(source))
        self.assertEqual(0, self.open.arrivals())

    def test_inherited_datagram_socket_reaches_nobody(self):
        """A session that can make none traps no sendmsg; unless it was started with one."""
        STAGE.policy("[network]\nunix_dgram = no\n")
        source = f"""
import socket
s = socket.socket(fileno=0)
for send in (lambda to: s.sendmsg([b"m"], [], 0, to), lambda to: s.sendto(b"t", to)):
    try:
        send(("127.0.0.1", {self.shut.port}))
        print("ok")
    except OSError as error:
        print(error.errno)
"""
        for who, said, arrived in ((self.bare, "ok\nok\n", 2), (self.confined, "13\n13\n", 0)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inherited:
                done = subprocess.run(["su", "-", who.name, "-c", f"{PYTHON} {who.write('s', source)}"],
                                      stdin=inherited, capture_output=True, text=True, check=False)
            self.assertEqual((said, arrived), (done.stdout, self.shut.arrivals()), done)

    def test_allow_udp_opens_udp_for_rules_without_a_scheme(self):
        STAGE.policy(f"[network]\nallow_udp = yes\nnet_allow = 127.0.0.1:{self.open.port}\n")
        source = self.source("answer([attempt(send, 'sendto', OPEN), attempt(send, 'sendto', SHUT)])")
        self.assertEqual(["ok", "EACCES"], self.confined.python(source))
        self.assertEqual((1, 0), (self.open.arrivals(), self.shut.arrivals()))


PING = """
def ping(target):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
        s.settimeout(5)
        s.sendto(bytes([8, 0, 0, 0, 0, 0, 0, 1]) + b"hello", (target, 0))
        s.recv(100)
"""


class Icmp(SessionTest):
    def setUp(self):
        super().setUp()
        # The private machine's own network: nobody else's setting changes.
        with open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as setting:
            setting.write("0 2147483647")

    SOURCE = PING + "answer([attempt(ping, target) for target in ('127.0.0.1', '127.0.0.2')])"

    def test_listed_target_is_pinged_and_another_is_not(self):
        self.assertEqual(["ok", "ok"], self.bare.python(self.SOURCE))
        STAGE.policy("[network]\nnet_allow = icmp://127.0.0.1\n")
        self.assertEqual(["ok", "EACCES"], self.confined.python(self.SOURCE))

    def test_allow_icmp_pings_every_target_that_a_rule_names(self):
        STAGE.policy("[network]\nallow_icmp = yes\nnet_allow = 127.0.0.2:1\n")
        self.assertEqual(["EACCES", "ok"], self.confined.python(self.SOURCE))

    def test_ping_is_refused_by_default(self):
        self.assertEqual(["EPERM", "EPERM"], self.confined.python(self.SOURCE))


FILES = """
home = os.environ["HOME"]
def append(path):
    with open(path, "a") as file:
        file.write("x")
def make(path):
    with open(path, "w") as file:
        file.write("x")
    os.unlink(path)
def run(path):
    subprocess.run([path], check=True)
def script(path):
    with open(path, "w") as file:
        file.write("#!/bin/sh\\nexit 0\\n")
    os.chmod(path, 0o755)
    try:
        run(path)
    finally:
        os.unlink(path)
def moved():
    for name in ("one", "two"):
        os.makedirs(os.path.join(home, name), exist_ok=True)
    make_at = os.path.join(home, "one/file")
    open(make_at, "w").close()
    os.rename(make_at, os.path.join(home, "two/file"))
def cut(path):
    os.truncate(path, 0)
def listen_at(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    os.unlink(path)
"""


class Files(SessionTest):
    POLICY = "[policy]\ninclude = system\n[filesystem]\nwrite = %h\n"

    def setUp(self):
        super().setUp()
        self.shared = PREFIX / "shared"  # neither home nor temporary
        self.shared.mkdir(exist_ok=True)
        self.shared.chmod(0o777)
        (self.shared / "file").write_text("kept")
        (self.shared / "file").chmod(0o666)
        call(["cp", PREFIX / "share/doc/sandlock/examples/system.inc", STAGE.policies])
        self.addCleanup((STAGE.policies / "system.inc").unlink)

    def source(self, text):
        return f"{FILES}\nshared = {str(self.shared)!r}\n{text}"

    def test_only_what_is_granted_is_read_written_and_made(self):
        source = self.source("""
answer([attempt(open, shared + "/file"), attempt(append, shared + "/file"), attempt(make, shared + "/new"),
        attempt(cut, shared + "/file"), attempt(listen_at, shared + "/socket"), attempt(os.listdir, shared),
        attempt(os.link, shared + "/file", home + "/stolen"), attempt(os.mkfifo, shared + "/pipe")])""")
        self.assertEqual(["ok"] * 6, self.bare.python(source)[:6])
        (self.shared / "pipe").unlink()
        (self.shared / "file").write_text("kept")
        for answer in self.confined.python(source):
            self.assertIn(answer, ("EACCES", "EXDEV", "EPERM"))
        self.assertEqual("kept", (self.shared / "file").read_text())
        self.assertEqual(["file"], os.listdir(self.shared))

    def test_home_is_written_and_moved_in_but_not_executed(self):
        source = self.source("""
answer([attempt(make, home + "/new"), attempt(moved), attempt(listen_at, home + "/s"),
        attempt(script, home + "/script"), attempt(run, "/bin/true"), attempt(os.listdir, "/etc")])""")
        self.assertEqual(["ok"] * 6, self.bare.python(source))
        self.assertEqual(["ok", "ok", "ok", "EACCES", "ok", "ok"], self.confined.python(source))

    def test_files_are_reached_by_no_other_name(self):
        source = self.source("""
import ctypes
fd = os.open(shared, os.O_PATH)
def reopen():
    os.open(f"/proc/self/fd/{fd}/file", os.O_RDWR)
def through_root():
    open(f"/proc/{os.getpid()}/root{shared}/file").close()
def linked():
    os.symlink(shared + "/file", home + "/link")
    open(home + "/link").close()
answer([attempt(reopen), attempt(through_root), attempt(linked)])""")
        self.assertEqual(["ok", "ok", "ok"], self.bare.python(source))
        self.assertEqual(["EACCES"] * 3, self.confined.python(source))

    def test_unix_sockets_with_udp_open_are_made_where_files_may_be(self):
        STAGE.policy(self.POLICY + "[network]\nnet_allow = udp://127.0.0.1:9\n")
        source = self.source("answer([attempt(listen_at, home + '/s'), attempt(listen_at, shared + '/s')])")
        self.assertEqual(["ok", "ok"], self.bare.python(source))
        self.assertEqual(["ok", "EACCES"], self.confined.python(source))

    def test_device_that_may_only_be_read_is_not_controlled(self):
        source = self.source("""
import fcntl, termios
device = os.open("/dev/ptmx", os.O_RDONLY)
answer(attempt(fcntl.ioctl, device, termios.TIOCGWINSZ, bytes(8)))""")
        self.assertEqual("ok", self.bare.python(source))
        STAGE.policy("[filesystem]\nread = / \nexec = /usr /bin /lib /lib64\nwrite = /tmp\n")
        self.assertEqual("EACCES", self.confined.python(source))

    def test_shell_that_may_not_be_executed_is_said(self):
        STAGE.policy("[filesystem]\nwrite = %h\n")
        done = self.confined.su("true")
        self.assertEqual((126, ""), (done.status, done.out))
        self.assertIn("Permission denied", done.err)

    def test_path_that_is_missing_is_logged_and_refuses_nobody(self):
        STAGE.policy(self.POLICY + "read.more = /nonexistent\n")
        self.assertEqual(0, self.confined.su("true").status)
        self.log.wait(r'alice.conf:\d+: read.more: "/nonexistent" does not exist')

    def test_tool_answers_as_the_session_does(self):
        for question, status in (("read:/etc/passwd", 0), ("write:/etc/passwd", 1),
                                 (f"write:{self.confined.home}/x", 0), ("exec:/bin/sh", 0),
                                 (f"exec:{self.confined.home}", 1), (f"read:{self.shared}/file", 1)):
            self.assertEqual(status, call([ctl(), "test", "alice", question]).status, question)


class Calls(SessionTest):
    SOURCE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
answer([attempt(call, 135, 0xffffffff), attempt(call, 250, 0, -3, 0)])  # personality, keyctl
"""

    USERNS = ("[filesystem]\nread = /\nexec = /\nwrite = /dev/null\n"
              "[syscalls]\nallow = @userns\n")

    def test_denied_calls_fail_and_allowed_ones_work(self):
        self.assertEqual(["ok", "ok"], self.bare.python(self.SOURCE))
        self.assertEqual(["ok", "EPERM"], self.confined.python(self.SOURCE))
        STAGE.policy("[syscalls]\ndeny = personality\nallow = @keyring\n")
        self.assertEqual(["EPERM", "ok"], self.confined.python(self.SOURCE))

    def test_namespaces_of_users_only_where_userns_stands(self):
        def names(who):
            return who.su("unshare -U true && echo user; unshare -Un true && echo net;"
                          " unshare -Um true && echo mount").out.split()
        if not names(self.bare):
            self.skipTest("the kernel makes no user namespaces here (in a chroot it never does)")
        self.assertEqual(["user", "net", "mount"], names(self.bare))
        self.assertEqual([], names(self.confined))
        STAGE.policy(self.USERNS)
        self.assertEqual(["user", "net"], names(self.confined))

    def test_numbers_of_a_namespace_of_processes_are_its_own(self):
        def renice(who):
            return who.su("unshare -Upf sh -c 'renice -n 19 -p $$ >/dev/null && nice'").out
        if not renice(self.bare):
            self.skipTest("the kernel makes no user namespaces here (in a chroot it never does)")
        STAGE.policy(self.USERNS)
        self.assertEqual("19\n", self.both(renice))


class Limits(SessionTest):
    POLICY = ("[limits]\nprocesses = 50\nopen_files = 77\nmemory = 2G\nfile_size = 1M\n"
              "cpu_time = 100\ncore = 0\n")

    def test_limits_are_hard_and_soft(self):
        source = """
import resource
answer([resource.getrlimit(getattr(resource, "RLIMIT_" + name))
        for name in ("NPROC", "NOFILE", "AS", "FSIZE", "CPU", "CORE")])"""
        self.assertEqual([[n, n] for n in (50, 77, 2 << 30, 1 << 20, 100, 0)],
                         self.confined.python(source))

    def test_limits_are_only_lowered(self):
        STAGE.policy("[limits]\nopen_files = 1000000000\n")
        source = "import resource\nanswer(resource.getrlimit(resource.RLIMIT_NOFILE))"
        self.both(lambda who: who.python(source))


class Require(SessionTest):
    def test_protections_of_this_kernel_are_accepted(self):
        STAGE.policy("[policy]\nrequire = tcp truncate ioctl signals abstract\n")
        self.assertEqual(0, self.confined.su("true").status)


class Nested(SessionTest):
    def shell(self, command):
        return f"{STAGE.shell} -c {command!r}"

    def test_same_policy_adds_nothing(self):
        count = "grep Seccomp_filters /proc/self/status"
        deep = self.shell(self.shell(count).replace("'", '"'))
        self.assertEqual(self.confined.su(count).out, self.confined.su(deep).out)

    def test_stricter_files_of_the_same_endpoints_add_up(self):
        server = self.listen()
        rules = f"[network]\nnet_allow = 127.0.0.1:{server.port}\n"
        path = STAGE.policy(rules)
        path.chmod(0o644)
        stricter = STAGE.directory / "stricter.conf"
        stricter.write_text(rules + "[filesystem]\nread = /\nexec = /\nwrite = /dev/null /dev/tty\n")
        inner = (f"echo x > inner; (exec 3<>/dev/tcp/127.0.0.1/{server.port}) && echo reached;"
                 " echo end")
        self.confined.su(f"echo x > outer; cp {stricter} ~/stricter.conf")
        done = self.confined.su(f"{ctl()} run ~/stricter.conf -- bash -c '{inner}'")
        self.assertEqual(["reached", "end"], done.out.split(), done)
        self.assertIn("Permission denied", done.err)
        self.assertEqual(1, server.arrivals())

    def test_other_endpoints_are_refused_and_said(self):
        done = self.confined.su(f"printf '[network]\\nnet_allow = *:*\\n' > wide.conf;"
                                f" {ctl()} run ~/wide.conf -- true")
        self.assertEqual(125, done.status)
        self.assertIn("already has another policy", done.err)


class OtherUser(SessionTest):
    def test_su_to_another_listed_user_changes_nothing(self):
        listener = self.listen()
        other = Account("carol", STAGE.shell, None)
        self.addCleanup(subprocess.run, ["userdel", "-r", "carol"], capture_output=True, check=True)
        self.addCleanup(other.end_processes)
        subprocess.run(["passwd", "-d", "carol"], check=True, capture_output=True)
        STAGE.policy("[network]\nnet_allow = *:*\n", name="carol")
        self.addCleanup(STAGE.policy, None, name="carol")
        reach = (f"su -l carol -c '(exec 3<>/dev/tcp/127.0.0.1/{listener.port}) && echo reached'"
                 " </dev/null")
        done = self.bare.su(reach)
        self.assertEqual((0, "reached\n", 1), (done.status, done.out, listener.arrivals()), done)
        done = self.confined.su(reach + "; echo still here")
        self.assertEqual((0, "still here\n", 0), (done.status, done.out, listener.arrivals()), done)


class Shown(SessionTest):
    POLICY = "[network]\nnet_allow = 127.0.0.1:80\nnet_allow.db = www.example.test:5432\n"

    def test_each_value_has_its_line_and_what_is_implied_is_named(self):
        out = call([ctl(), "show", "alice"]).out
        self.assertIn("alice.conf:2: [network] net_allow = 127.0.0.1:80\n", out)
        self.assertIn("alice.conf:3: [network] net_allow.db = www.example.test:5432\n", out)
        self.assertIn("dns = filtered", out)
        self.assertIn("(implied): [network] unix_allow = own\n", out)
        self.assertIn("(in force): [session] no_new_privs = yes\n", out)

    def test_privileges_of_a_pam_session_are_named(self):
        STAGE.policy("[filesystem]\nread = /etc\nwrite = %h\n")
        self.assertIn("(in force): [session] no_new_privs = no, in a session of pam_sandlock\n",
                      call([ctl(), "show", "alice"]).out)
        path = STAGE.policy("[session]\nno_new_privs = no\n")
        done = call([ctl(), "check"])
        self.assertEqual((0, f"{path}: warning: no_new_privs: whoever becomes root in this session can"
                             " leave it\n"), (done.status, done.err))


class Crowd(SessionTest):
    def test_two_hundred_sessions_at_once_are_all_confined(self):
        allowed, refused = self.listen(), self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{allowed.port}\n")
        probe = (f"(exec 3<>/dev/tcp/127.0.0.1/{allowed.port}) && echo one;"
                 f" (exec 3<>/dev/tcp/127.0.0.1/{refused.port}) 2>/dev/null && echo two; sleep 2")
        crowd = [subprocess.Popen(["su", "-", "alice", "-c", probe], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) for _ in range(200)]
        said = [process.communicate(timeout=60) for process in crowd]
        self.assertEqual({("one\n", "")}, set(said))
        self.assertEqual((200, 0), (allowed.arrivals(), refused.arrivals()))
