# SPDX-License-Identifier: BSD-3-Clause
"""`own`: what a session serves itself, at any path and name, by any kind of socket."""
import os
import socket
import threading
import time
from pathlib import Path

from commands import call, eventually
from listeners import listen
from session_test import SessionTest
from test_deputy import Talk, script

KINDS = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM)

# A server and a client of one session; what arrives is the proof.
SERVE = """
def served(kind, name):
    server = socket.socket(socket.AF_UNIX, kind)
    server.bind(name)
    if kind != socket.SOCK_DGRAM:
        server.listen()
    client = socket.socket(socket.AF_UNIX, kind)
    said = attempt(client.connect, name)
    if said == "ok":
        client.send(b"x")
        if kind != socket.SOCK_DGRAM:
            server = server.accept()[0]
        said = server.recv(8).decode()
    if not name.startswith("\\0"):
        os.unlink(name)
    return said
KINDS = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM)
def sent(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        return attempt(client.sendto, b"x", name)
"""


class Session(SessionTest):
    POLICY = "[network]\n"

    def setUp(self):
        super().setUp()
        for who in (self.bare, self.confined):
            runtime = Path(f"/run/user/{who.uid}")
            runtime.mkdir(parents=True, exist_ok=True)
            os.chown(runtime, who.uid, who.gid)
            self.addCleanup(call, ["rm", "-rf", runtime])

    def login(self, source):
        return Talk(self, ["su", "-", "alice", "-c", script("unix_session", SERVE + source)])

    def test_server_of_the_session_is_reached_at_any_path(self):
        source = SERVE + """
places = [f"/run/user/{os.getuid()}/server", f"/dev/shm/server-{os.getuid()}", "\\0server-of-mine",
          "\\0" + "long" * 20]
answer([[served(kind, place) for kind in KINDS] for place in places])"""
        self.assertEqual([["x"] * 3] * 4, self.both(lambda who: who.python(source)))

    def test_datagrams_are_sent_by_name_as_to_notify_sockets(self):
        source = SERVE + """
def notified(name):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(name)
    server.settimeout(10)
    os.environ["NOTIFY_SOCKET"] = name.replace("\\0", "@")
    child = subprocess.run([sys.executable, "-c", '''
import os, socket
name = os.environ["NOTIFY_SOCKET"].replace("@", "\\\\0")
for _ in range(3):
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", name)
'''], check=False)
    return [child.returncode] + [server.recv(20).decode() for _ in range(3)]
answer([notified(f"/run/user/{os.getuid()}/notify"), notified("\\0notify-of-mine")])"""
        self.assertEqual([[0] + ["READY=1"] * 3] * 2, self.both(lambda who: who.python(source)))

    def test_emacs_serves_its_clients(self):
        def work(who):
            runtime = f"export XDG_RUNTIME_DIR=/run/user/{who.uid}; "
            done = who.su(runtime + "emacs -Q --daemon=one >/dev/null 2>&1; "
                          "emacsclient -s one -e '(+ 40 2)'; emacsclient -s one -e '(kill-emacs)'",
                          timeout=60)
            return done.out.split()[0] if done.out else done.err
        self.assertEqual("42", self.both(work))

    def test_emacs_of_another_login_serves_us(self):
        runtime = f"export XDG_RUNTIME_DIR=/run/user/{self.confined.uid}; "
        daemon = Talk(self, ["su", "-", "alice", "-c", runtime +
                             "emacs -Q --daemon=two >/dev/null 2>&1; echo; read line"])
        self.assertEqual("", daemon.said)
        self.assertEqual("42\n", self.confined.su(runtime + "emacsclient -s two -e '(+ 40 2)'").out)

    def test_xvfb_run_has_a_display(self):
        command = "xvfb-run -a xdpyinfo 2>&1 | grep -c 'name of display'"
        self.assertEqual("1\n", self.both(lambda who: who.su(command, timeout=60).out))

    def test_nc_of_another_login_gets_one_message(self):
        path = self.confined.home / "once"
        self.addCleanup(path.unlink)
        server = Talk(self, ["su", "-", "alice", "-c", f"echo; exec nc -lU {path}"])
        self.assertEqual("", server.said)
        eventually(path.exists, "nc listens")
        time.sleep(0.2)
        self.assertEqual(0, self.confined.su(f"echo message | nc -NU {path}").status)
        self.assertEqual("message", server.listen())

    def test_servers_outside_get_nothing(self):
        """The user's own ones, as at the path of a user bus, and abstract ones."""
        paths = [f"/run/user/{self.confined.uid}/bus-{kind}" for kind in KINDS]
        names = [f"\0outside-{kind}" for kind in KINDS]
        servers = [listen(self, name, family=socket.AF_UNIX, kind=kind)
                   for kind, name in zip(KINDS * 2, paths + names)]
        for path in paths:
            os.chown(path, self.confined.uid, self.confined.gid)
        source = SERVE + f"""
said = [[unix(path, kind) for kind, path in zip(KINDS, {paths!r})],
        [unix(name, kind) for kind, name in zip(KINDS, {names!r})],
        sent({paths[2]!r}), sent({names[2]!r})]
answer(said)"""
        self.assertEqual([["ok"] * 3] * 2 + ["ok"] * 2, self.bare.python(source))
        for server in servers:
            server.arrivals()
        self.assertEqual([["EACCES"] * 3, ["ECONNREFUSED"] * 3, "EACCES", "ECONNREFUSED"],
                         self.confined.python(source))
        self.assertEqual([0] * 6, [server.arrivals() for server in servers])

    def test_another_session_is_reached_by_stream_and_path_alone(self):
        path = self.confined.home / "other"
        self.addCleanup(lambda: [Path(f"{path}{kind}").unlink() for kind in (1, 2, 5)])
        other = self.login(f"""
servers = []
for kind in KINDS:
    for name in ({str(path)!r} + str(int(kind)), "\\0other-" + str(int(kind))):
        servers.append(socket.socket(socket.AF_UNIX, kind))
        servers[-1].bind(name)
        if kind != socket.SOCK_DGRAM:
            servers[-1].listen()
print("in", flush=True)
sys.stdin.readline()
""")
        self.assertEqual("in", other.said)
        source = SERVE + f"""
answer([[unix({str(path)!r} + str(int(kind)), kind) for kind in KINDS],
        [unix("\\0other-" + str(int(kind)), kind) for kind in KINDS]])"""
        self.assertEqual([["ok", "ok", "EACCES"], ["ECONNREFUSED"] * 3],
                         self.confined.python(source))

    def test_datagram_socket_bound_outside_is_not_the_sessions(self):
        """It was handed over, and the session binds it once more."""
        path = f"/run/user/{self.confined.uid}/handed"
        server = listen(self, path, family=socket.AF_UNIX, kind=socket.SOCK_DGRAM)
        os.chown(path, self.confined.uid, self.confined.gid)
        source = script("handed", SERVE + f"""
given = socket.socket(fileno=0)
print(attempt(given.bind, {path!r} + "2"), sent({path!r}))
""")
        number = server.socket.fileno()
        done = call(["bash", "-c", f'exec su - alice -c "$1" <&{number}', "bash", source],
                    pass_fds=[number])
        self.assertEqual("EINVAL EACCES\n", done.out, done)
        self.assertEqual(0, server.arrivals())

    def test_abstract_server_whose_process_is_gone_is_refused(self):
        """Nobody could tell who has the name when the connection is made."""
        source = SERVE + """
reads, writes = os.pipe()
if os.fork() == 0:
    server = socket.socket(socket.AF_UNIX)
    server.bind("\\0handed-on")
    server.listen()
    if os.fork() == 0:
        os.write(writes, b"x")
        time.sleep(5)
    os._exit(0)
os.wait()
os.read(reads, 1)
answer(unix("\\0handed-on"))"""
        self.assertEqual("ok", self.bare.python(source))
        self.assertEqual("ECONNREFUSED", self.confined.python(source))

    def test_name_that_changes_hands_is_never_the_outsiders(self):
        name, end, came = "\0changes-hands", threading.Event(), []

        def outside():
            while not end.is_set():
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
                    try:
                        server.bind(name)
                        server.settimeout(0.0005)
                        came.append(server.recv(8))
                    except OSError:
                        pass
                time.sleep(0.002)
        thread = threading.Thread(target=outside)
        thread.start()
        source = f"""
import threading
end, sent = time.monotonic() + 4, 0
def inside():
    while time.monotonic() < end:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            if attempt(server.bind, {name!r}) == "ok":
                time.sleep(0.001)
threading.Thread(target=inside).start()
while time.monotonic() < end:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        sent += attempt(client.sendto, b"x", socket.MSG_DONTWAIT, {name!r}) == "ok"
answer(sent)"""
        try:
            self.assertGreater(self.confined.python(source), 0)
            self.assertEqual([], came)
            self.assertGreater(self.bare.python(source), 0)
            self.assertTrue(came)
        finally:
            end.set()
            thread.join()

