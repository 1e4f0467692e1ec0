# SPDX-License-Identifier: BSD-3-Clause
"""What the log says of a session: by whom, of everything, and not without end."""
import os
import socket
import struct
import subprocess
import threading
import time

from accounts import PROBE
from commands import PYTHON, call, eventually
from pam_callers import keepers
from session_test import SessionTest
from stage import STAGE
from test_deputy import Talk, script
from test_network import NameServer
from test_pam_nested import NestedTest


class Receiver:
    """In place of the log daemon: each text with the ids of who sent it, as the kernel says."""

    def __init__(self, test):
        os.rename("/dev/log", "/dev/log.away")
        test.addCleanup(os.rename, "/dev/log.away", "/dev/log")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)

    def fill(self):
        """Until there is no more room."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as flood:
            flood.setblocking(False)
            try:
                while True:
                    flood.sendto(b"flood", "/dev/log")
            except BlockingIOError:
                pass

    def all(self, patience=1):
        """What comes until nothing has for so many seconds."""
        came = []
        self.socket.settimeout(patience)
        try:
            while True:
                text, control, _, _ = self.socket.recvmsg(65536, 4096)
                ids = next(struct.unpack("3i", data) for level, kind, data in control
                           if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS))
                came.append((text.decode(), ids[1], ids[2]))
        except TimeoutError:
            return came


FORGE = """
line = b"<85>sandlock[1]: denied user=forged"
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(line, "/dev/log")
s.sendmsg([line], [], 0, "/dev/log")
s.connect("/dev/log")
s.send(line)
s.sendmsg([line])
s.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, bytes(4))])
import struct
own = struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
s.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, own)])
tcp("127.0.0.1", 9)
"""


class Sender(NestedTest):
    def test_line_of_ours_has_an_id_that_no_session_has(self):
        STAGE.policy(self.rules(22), "dora")
        service = int(call(["id", "-u", "_sandlock"]).out)
        forge = script("forge", FORGE).removeprefix("exec ")
        receiver, came = Receiver(self), []
        reader = threading.Thread(target=lambda: came.extend(receiver.all(4)))
        reader.start()
        self.assertEqual(0, self.inside(f"{forge}; su root -c '{forge}'").status)
        reader.join()
        forged = [ids for text, *ids in came if "user=forged" in text]
        ours = [ids for text, *ids in came if "denied user=dora" in text]
        self.assertEqual(12, len(forged))
        self.assertEqual(6 * [[self.dora.uid, self.dora.gid]], forged[:6])
        self.assertNotIn(service, [ids[0] for ids in forged])
        self.assertTrue(ours)
        self.assertEqual({service}, {ids[0] for ids in ours})

    def test_peer_sees_the_user_as_bare(self):
        said = script("peer", """
import struct
one, two = socket.socketpair()
three, four = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for end in (two, four):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
one.sendmsg([b"x"])
three.sendmsg([b"x"])
answer([struct.unpack("3i", end.recvmsg(1, 100)[1][0][2])[1:] for end in (two, four)])
""").removeprefix("exec ")
        bare = self.inside(said)
        STAGE.policy(self.rules(22), "dora")
        self.assertEqual(bare, self.inside(said))
        self.assertEqual(f"[[{self.dora.uid}, {self.dora.gid}], [{self.dora.uid}, {self.dora.gid}]]\n",
                         bare.out)


class Lost(NestedTest):
    def test_line_that_a_full_log_did_not_take_is_counted(self):
        STAGE.policy(self.rules(22), "dora")
        receiver = Receiver(self)
        command = script("refused", """
print(tcp("127.0.0.1", 9), flush=True)
sys.stdin.readline()
print(tcp("127.0.0.1", 10), flush=True)
sys.stdin.readline()
print(tcp("127.0.0.1", 9), flush=True)
""")
        login = Talk(self, ["su", "dora", "-c", f"echo in; read line; {command}"])
        receiver.fill()
        receiver.all()
        receiver.fill()
        login.process.stdin.write("\n")
        login.process.stdin.flush()
        self.assertEqual("EACCES", login.listen())
        receiver.all()
        self.assertEqual(["EACCES", "EACCES"], [login.go_on(), login.go_on()])
        lines = [text for text, *_ in receiver.all() if "denied" in text]
        self.assertEqual(2, len(lines), lines)
        self.assertRegex(lines[0], r"destination=127.0.0.1:10 .*lost=1$")
        self.assertRegex(lines[1], r"destination=127.0.0.1:9 rule=default$")

    def test_session_whose_lines_no_log_takes_ends(self):
        """A log that is full is waited for, not one that is not there."""
        STAGE.policy("[network]\n", "dora")
        os.rename("/dev/log", "/dev/log.away")
        self.addCleanup(os.rename, "/dev/log.away", "/dev/log")
        self.assertEqual("EACCES\n", call(["su", "dora", "-c", script(
            "refused", 'print(tcp("127.0.0.1", 9))')]).out)
        eventually(lambda: not keepers(), "the supervisor has ended", 5)


class Quiet(SessionTest):
    def test_udp_connect_that_only_sorts_addresses_is_logged_once(self):
        STAGE.policy("[network]\ndns = system\n")
        done = self.confined.python("""
def sort(_):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return attempt(s.connect, ("192.0.2.77", 443))
answer([sort(i) for i in range(50)])
""")
        self.assertEqual(50 * ["EACCES"], done)
        self.log.wait("denied user=alice .*protocol=udp destination=192.0.2.77:443 rule=default")
        self.assertEqual(1, sum("192.0.2.77" in line for line in self.log.lines))

    def test_many_names_that_open_nothing_do_not_fill_the_log(self):
        server = NameServer(".many.test", "127.0.0.1")
        self.addCleanup(server.close)
        rules = "".join(f"net_allow.n{i} = n{i}.many.test:80\n" for i in range(250))
        STAGE.policy("[network]\n" + rules)
        program = self.confined.write("connecting.py", PROBE + """
while True:
    tcp("127.0.0.1", 80)
""")
        # pylint: disable-next=consider-using-with
        session = subprocess.Popen(["su", "-", self.confined.name, "-c", f"exec {PYTHON} {program}"],
                                   stdin=subprocess.DEVNULL)
        self.addCleanup(session.wait)
        self.addCleanup(self.confined.end_processes)
        self.log.wait("rule allows nothing", timeout=30)
        time.sleep(3)  # many could come
        lines = [line for line in self.log.lines if "rule allows nothing" in line]
        self.assertTrue(0 < len(lines) <= 25, len(lines))

    def test_line_is_written_when_a_full_log_has_room_again(self):
        STAGE.policy("[network]\n")
        receiver = Receiver(self)
        command = script("once", """
print(tcp("127.0.0.1", 9), flush=True)
""")
        # su itself waits for the log when the shell has ended.
        login = Talk(self, ["su", "alice", "-c", f"echo in; read line; {command}"])
        receiver.fill()
        receiver.all()
        receiver.fill()
        self.assertEqual("EACCES", login.go_on())
        time.sleep(1)
        lines = [text for text, *_ in receiver.all() if "denied" in text]
        self.assertEqual(1, len(lines), lines)
        self.assertRegex(lines[0], r"denied user=alice session=\w+ lost=1$")
