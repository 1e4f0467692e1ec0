# SPDX-License-Identifier: BSD-3-Clause
"""`own`: who serves a unix socket is known without asking the server, and never by a number of the past."""
import os
import socket
import subprocess
import tempfile
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, call, eventually
from listeners import listen
from session_test import SessionTest
from stage import STAGE
from test_deputy import Talk, script
from test_pam_nested import NestedTest

SO_COOKIE = 57
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")

# Forks once it listens, as daemons do; the pid that listened is free from then on.
FORKED = """
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
if os.fork():
    os._exit(0)
while True:
    server.accept()[0].close()
"""

# Serves one client, and no other after it.
ONE_SHOT = """
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1] + ".new")
server.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
client = server.accept()[0]
server.close()
client.sendall(b"once")
sys.stdin.readline()
"""


ASK = """
def ask(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        return client.recv(8).decode()
"""

SERVE = """
import select
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1] + ".new")
server.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
print("in", flush=True)
while select.select([server, sys.stdin], [], [])[0] == [server]:
    server.accept()[0].close()
"""


def cookie_of(sock):
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), "little")


def voucher(account, sock):
    return f"\0sandlock/own/{account.uid}/{cookie_of(sock):016x}"


class Own(SessionTest):
    POLICY = "[network]\n"

    def outside(self, name="outside"):
        """A server of the user's that no session confines; it counts whoever comes."""
        path = self.confined.home / name
        server = listen(self, str(path), family=socket.AF_UNIX)
        os.chown(path, self.confined.uid, self.confined.gid)
        return server

    def inside(self, source, *words):
        """A program in a session of its own, which has said a line."""
        return Talk(self, ["su", "-", "alice", "-c", " ".join([script("own", source), *words])])

    def connect(self, path):
        return self.confined.python(f"answer(unix({str(path)!r}))")

    def test_server_outside_sees_nothing(self):
        server = self.outside()
        self.assertEqual("EACCES", self.connect(server.address))
        self.assertEqual(0, server.arrivals())

    def test_supervisor_with_the_pid_of_a_server_is_not_trusted(self):
        path = self.confined.home / "forked"
        self.addCleanup(path.unlink)
        number = 30001
        LAST_PID.write_text(str(number - 1))
        source = PROBE + FORKED
        subprocess.run([PYTHON, "-c", source, path], user=self.confined.uid,
                       group=self.confined.gid, stdout=subprocess.DEVNULL, check=True)
        self.assertFalse(Path(f"/proc/{number}").exists())
        for before in range(1, 12):
            LAST_PID.write_text(str(number - before))
            login = self.inside("print('in', flush=True)\nsys.stdin.readline()\n")
            if number in self.confined.processes("sandlock-supervisor"):
                break
            login.process.stdin.close()
            login.process.wait()
            eventually(lambda: not self.confined.processes("sandlock-supervisor"), "it ends")
        else:
            self.fail("no supervisor got the number")
        self.assertEqual("EACCES", self.connect(path))

    def test_one_shot_server_of_another_session_serves_its_client(self):
        path = self.confined.home / "once"
        self.addCleanup(path.unlink)
        Talk(self, ["su", "-", "alice", "-c", "echo; " + script("once", ONE_SHOT) + f" {path} & "
                    "read line"])
        eventually(path.exists, "the server listens")
        self.assertEqual("once", self.confined.python(f"{ASK}\nanswer(ask({str(path)!r}))"))

    def test_server_is_reached_where_proc_hides_processes(self):
        subprocess.run(["mount", "-o", "remount,hidepid=2", "/proc"], check=True)
        self.addCleanup(subprocess.run, ["mount", "-o", "remount,hidepid=0", "/proc"], check=True)
        self.serve_and_connect(self.connect)

    def serve_and_connect(self, connect):
        path = self.confined.home / "inside"
        self.addCleanup(path.unlink)
        self.assertEqual("in", self.inside(SERVE, str(path)).said)
        self.assertEqual(["ok"] * 5, [connect(path) for _ in range(5)])

    def test_socket_file_that_nobody_serves_any_more_refuses(self):
        path = self.confined.home / "stale"
        self.addCleanup(path.unlink)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            os.chown(path, self.confined.uid, self.confined.gid)
        self.assertEqual("ECONNREFUSED", self.connect(path))

    def test_server_outside_with_a_confined_inode_sees_nothing(self):
        directory = Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.addCleanup(call, ["rm", "-r", directory])
        os.chown(directory, self.confined.uid, self.confined.gid)
        inside, path = directory / "inside", directory / "outside"
        login = self.inside(f"""
server = socket.socket(socket.AF_UNIX)
server.bind({str(inside)!r})
server.listen()
print([unix({str(inside)!r}) for _ in range(3)], flush=True)
sys.stdin.readline()
os.unlink({str(inside)!r})
server.close()
print("closed", flush=True)
sys.stdin.readline()
print([unix({str(path)!r}) for _ in range(3)], flush=True)
""")
        self.assertEqual("['ok', 'ok', 'ok']", login.said)
        login.go_on()
        server = listen(self, str(path), family=socket.AF_UNIX)
        os.chown(path, self.confined.uid, self.confined.gid)
        self.assertEqual("['EACCES', 'EACCES', 'EACCES']", login.go_on())
        self.assertEqual(0, server.arrivals())

    def test_server_in_another_network_namespace_sees_nothing(self):
        """The kernel's diagnosis does not show it, but a connect would reach it."""
        path = self.confined.home / "far"
        self.addCleanup(path.unlink)
        source = (f"os.setuid({self.confined.uid})\nserver = socket.socket(socket.AF_UNIX)\n"
                  f"server.bind({str(path)!r})\nserver.listen()\nprint('in', flush=True)\n"
                  "server.accept()\nprint('came', flush=True)\n")
        with subprocess.Popen(["unshare", "--net", PYTHON, "-c", PROBE + source],
                              stdout=subprocess.PIPE) as server:
            self.assertEqual(b"in\n", server.stdout.readline())
            said = [self.connect(path) for _ in range(2)]
            server.kill()
            self.assertEqual((["ECONNREFUSED"] * 2, b""), (said, server.stdout.read()))

    def test_session_cannot_vouch_for_a_server_outside(self):
        server = self.outside()
        login = self.inside(f"""
name, path = {voucher(self.confined, server.socket)!r}, {server.address!r}
voucher, late = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
said = [attempt(late.listen), attempt(voucher.bind, name), attempt(voucher.listen), unix(path)]
print(said, flush=True)
sys.stdin.readline()
""")
        self.assertEqual("['EINVAL', 'ok', 'EACCES', 'EACCES']", login.said)
        self.assertEqual("EACCES", self.connect(server.address))
        self.assertEqual(0, server.arrivals())

    def test_name_cannot_be_given_while_the_socket_begins_to_listen(self):
        """One thread binds a reserved name, another listens: never is there a listener of that name."""
        login = self.inside(f"""
import threading
name, won = {voucher(self.confined, socket.socket())!r}, 0
for _ in range(500):
    voucher = socket.socket(socket.AF_UNIX)
    thread = threading.Thread(target=attempt, args=(voucher.bind, name))
    thread.start()
    attempt(voucher.listen)
    thread.join()
    won += voucher.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    voucher.close()
print(won, flush=True)
""")
        self.assertEqual("0", login.said)

    def test_another_user_cannot_vouch_for_a_server_outside(self):
        server = self.outside()
        name = voucher(self.confined, server.socket)
        with subprocess.Popen([PYTHON, "-c", "import socket, sys\n"
                               "s = socket.socket(socket.AF_UNIX)\ns.bind('\\0' + sys.argv[1])\n"
                               "s.listen()\nprint('in', flush=True)\nsys.stdin.read()", name[1:]],
                              user=self.bare.uid, group=self.bare.gid, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as other:
            self.assertEqual(b"in\n", other.stdout.readline())
            self.assertEqual("EACCES", self.connect(server.address))
            other.stdin.close()
        self.assertEqual(0, server.arrivals())

    def test_server_outside_whose_socket_was_given_is_no_way_out(self):
        """It listens once more, on behalf, on what listens already."""
        server = self.outside()
        source = script("given", f"""
given = socket.socket(fileno=0)
print(attempt(given.listen), unix({server.address!r}))
""")
        done = subprocess.run(["su", "-", "alice", "-c", source], stdin=server.socket,
                              stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual("ok EACCES\n", done.stdout)
        self.assertEqual("EACCES", self.connect(server.address))
        self.assertEqual(0, server.arrivals())

    def test_vouchers_are_not_reached_from_a_session(self):
        STAGE.policy("[network]\nunix_allow = own @*\n")
        path = self.confined.home / "inside"
        self.addCleanup(path.unlink)
        login = self.inside(f"""
server = socket.socket(socket.AF_UNIX)
server.bind({str(path)!r})
server.listen()
cookie = int.from_bytes(server.getsockopt(socket.SOL_SOCKET, {SO_COOKIE}, 8), "little")
print(unix("\\0sandlock/own/%d/%016x" % (os.getuid(), cookie)), flush=True)
sys.stdin.readline()
""")
        self.assertEqual("ECONNREFUSED", login.said)

    def test_listening_twice_and_failing_to_listen_change_nothing(self):
        path = self.confined.home / "inside"
        self.addCleanup(path.unlink)
        said = self.confined.python(f"""
server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind({str(path)!r})
said = [attempt(server.listen), attempt(server.listen, 5), unix({str(path)!r}),
        attempt(client.listen)]
answer(said)
""")
        self.assertEqual(["ok", "ok", "ok", "ENOTSUP"], said)

    def test_many_servers_of_a_session_are_reached(self):
        directory = self.confined.home / "many"
        said = self.confined.python(f"""
os.mkdir({str(directory)!r})
os.chdir({str(directory)!r})
servers = []
for number in range(700):
    servers.append(socket.socket(socket.AF_UNIX))
    servers[-1].bind(str(number))
    servers[-1].listen()
answer([unix(str(number)) for number in range(700)].count("ok"))
""")
        call(["rm", "-r", directory])
        self.assertEqual(700, said)

    def test_full_queue_of_another_session_s_server_is_waited_for(self):
        path = self.confined.home / "full"
        self.addCleanup(path.unlink)
        login = self.inside(f"""
server = socket.socket(socket.AF_UNIX)
server.bind({str(path)!r})
server.listen(0)
print("in", flush=True)
sys.stdin.readline()
for _ in range(3):
    server.accept()
    time.sleep(0.05)
print("accepted", flush=True)
sys.stdin.readline()
""")
        client = self.inside(f"""
clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
clients[0].connect({str(path)!r})
clients[1].setblocking(False)
print(attempt(clients[1].connect, {str(path)!r}), flush=True)
clients[1].setblocking(True)
print([attempt(client.connect, {str(path)!r}) for client in clients[1:]], flush=True)
""")
        self.assertEqual("EAGAIN", client.said)
        self.assertEqual("accepted", login.go_on())
        self.assertEqual("['ok', 'ok']", client.listen())


class Pam(NestedTest):
    """The same between sessions that PAM opened, and between those and the shell's."""

    def setUp(self):
        super().setUp()
        STAGE.policy("[network]\n", "dora")

    def connect(self, path):
        return call(["su", "dora", "-c", script("client", f"print(unix({str(path)!r}))")]).out

    def serve(self):
        path = self.dora.home / "inside"
        self.addCleanup(path.unlink)
        talk = Talk(self, ["su", "dora", "-c", script("serve", SERVE) + f" {path}"])
        self.assertEqual("in", talk.said)
        return path

    def test_server_of_another_session_is_reached_but_none_outside(self):
        path = self.serve()
        outside = listen(self, str(self.dora.home / "outside"), family=socket.AF_UNIX)
        os.chown(outside.address, self.dora.uid, self.dora.gid)
        self.assertEqual(["ok\n"] * 5, [self.connect(path) for _ in range(5)])
        self.assertEqual("EACCES\n", self.connect(outside.address))
        self.assertEqual(0, outside.arrivals())

    def test_server_is_reached_where_proc_hides_processes(self):
        subprocess.run(["mount", "-o", "remount,hidepid=2", "/proc"], check=True)
        self.addCleanup(subprocess.run, ["mount", "-o", "remount,hidepid=0", "/proc"], check=True)
        path = self.serve()
        self.assertEqual(["ok\n"] * 3, [self.connect(path) for _ in range(3)])
