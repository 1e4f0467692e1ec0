# SPDX-License-Identifier: BSD-3-Clause
"""Sessions that lightdm opens, and docs/jobs/kiosk.md with a real browser; the screen is Xvfb."""
import os
import socketserver
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from commands import call, eventually
from job_page import PageTest, Resident
from machine import PUBLIC
from root.pam_callers import daemon
from root.test_pam import PamTest
from stage import STAGE

SITE, OTHER, NAMES = "192.0.2.80", "192.0.2.81", "192.0.2.53"
COLOUR = (0x11, 0x66, 0x99)
TITLE = b"<title>Example Domain</title>"
SCREEN = Path("/tmp/Xvfb_screen0")
XVFB = """#!/bin/sh
exec Xvfb "$1" -screen 0 640x400x24 -fbdir /tmp -auth "/run/lightdm/root/$1" -nolisten tcp
"""
LIGHTDM = """[LightDM]
logind-check-graphical=false
[Seat:*]
xserver-command=/opt/xvfb
"""


class lightdm:
    """lightdm on a machine with a system bus, while the block runs."""

    def __init__(self, seat=""):
        for path, text in (("/opt/xvfb", XVFB), ("/etc/lightdm/lightdm.conf", LIGHTDM + seat)):
            Path(path).write_text(text)
        Path("/opt/xvfb").chmod(0o755)
        for path in ("/var/lib/lightdm", "/var/lib/lightdm-data", "/var/cache/lightdm"):
            if not call(["mountpoint", path]).status == 0:
                Path(path).mkdir(exist_ok=True)
                call(["mount", "-t", "tmpfs", "none", path])
        call(["chown", "lightdm:lightdm", "/var/lib/lightdm", "/var/lib/lightdm-data"])
        for path in ("/run/dbus", "/tmp/.X11-unix"):
            Path(path).mkdir(exist_ok=True)
        Path("/tmp/.X11-unix").chmod(0o1777)
        Path("/run/dbus/pid").unlink(missing_ok=True)
        self.bus = daemon("dbus-daemon", "--system", "--nofork")
        eventually(Path("/run/dbus/system_bus_socket").exists, "the system bus is there")
        SCREEN.unlink(missing_ok=True)
        self.lightdm = daemon("lightdm")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lightdm.__exit__()
        self.bus.__exit__()
        Path("/run/dbus/system_bus_socket").unlink(missing_ok=True)


def status(pid, key):
    text = Path(f"/proc/{pid}/status").read_text()
    return text.split(f"\n{key}:\t")[1].split("\n")[0]


def pixel(x, y):
    """The colour at this place of the screen."""
    data = SCREEN.read_bytes()
    header = struct.unpack(">25I", data[:100])
    start = header[0] + 12 * header[19] + y * header[12] + 4 * x
    blue, green, red = data[start:start + 3]
    return red, green, blue


class Lightdm(PamTest):
    """dora is logged in by lightdm itself."""

    SEAT = "autologin-user=dora\nautologin-session=lightdm-xsession\n"

    def setUp(self):
        super().setUp()
        self.out = self.dora.home / "session.out"

    def session(self, listed, other):
        """What the session wrote, and who wrote records of it."""
        self.dora.write(".xsession", f"""
exec >session.out 2>session.err
for port in {listed.port} {other.port}; do cat </dev/tcp/{PUBLIC}/$port; done
python3 -c 'import os, socket; socket.socket(socket.AF_UNIX).connect(
    "/tmp/.X11-unix/X" + os.environ["DISPLAY"][1:]); print("display")'
grep ^Seccomp: /proc/self/status
echo end
exec sleep 100
""")
        self.out.unlink(missing_ok=True)
        with lightdm(self.SEAT):
            eventually(lambda: self.out.exists() and "end\n" in self.out.read_text(),
                       "the session runs", 20)
            records = call(["who"]).out.split()[:2]
        self.dora.end_processes()
        return self.out.read_text().split(), records

    def test_session_is_confined_and_else_as_before(self):
        listed, other = self.listen(PUBLIC), self.listen(PUBLIC)
        said, records = self.session(listed, other)
        self.assertEqual(["hello", "hello", "display", "Seccomp:", "0", "end"], said)
        self.assertEqual(["dora", "tty7"], records)
        self.assertEqual((1, 1), (listed.arrivals(), other.arrivals()))
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{listed.port}\nunix_allow = own x11\n", "dora")
        for service in ("lightdm", "lightdm-autologin"):
            self.stack(service)
        said, again = self.session(listed, other)
        self.assertEqual(["hello", "display", "Seccomp:", "2", "end"], said)
        self.assertEqual(records, again)
        self.assertEqual((1, 0), (listed.arrivals(), other.arrivals()))
        self.log.wait(rf"denied user=dora .*destination={PUBLIC}:{other.port} rule=default")

    def test_broken_policy_lets_nobody_in(self):
        STAGE.policy("[network]\nnet_allow = everywhere\n", "dora")
        self.stack("lightdm-autologin")
        self.out.unlink(missing_ok=True)
        self.dora.write(".xsession", "touch session.out\n")
        with lightdm(self.SEAT):
            self.log.wait("dora.conf:2: net_allow: .*everywhere.* user=dora", 20)
            # It falls back on its greeter.
            eventually(lambda: call(["pgrep", "-u", "lightdm", "-f", "greeter"]).out, "a greeter", 20)
        self.assertFalse(self.out.exists())

    def test_greeter_that_is_exempt_is_free(self):
        STAGE.policy("[network]\n", "default")
        self.addCleanup(STAGE.policy, None, "default")
        self.stack("lightdm-greeter", words="exempt=lightdm")
        with lightdm():
            (greeter, *_) = eventually(lambda: call(["pgrep", "-u", "lightdm", "-f", "gtk-greeter"]
                                                    ).out.split(), "the greeter", 20)
            self.assertEqual("0", status(greeter, "Seccomp"))
        self.log.wait("session of lightdm by lightdm-greeter is exempt")


class Names(socketserver.BaseRequestHandler):
    """A name server that knows two names."""

    KNOWN = {b"\3www\7example\3com\0": SITE, b"\3www\7example\3org\0": OTHER}

    def answer(self, question):
        end = question.index(b"\0", 12) + 1
        address = self.KNOWN.get(question[12:end].lower())
        known = bool(address) and question[end:end + 2] == b"\0\1"
        head = question[:2] + struct.pack(">5H", 0x8180 if address else 0x8183, 1, known, 0, 0)
        record = struct.pack(">HHHIH4s", 0xc00c, 1, 1, 60, 4, bytes(map(int, address.split(".")))
                             ) if known else b""
        return head + question[12:end + 4] + record


class NamesUdp(Names):
    def handle(self):
        question, reply = self.request
        reply.sendto(self.answer(question), self.client_address)


class NamesTcp(Names):
    def handle(self):
        while length := self.request.recv(2):
            question = self.request.recv(int.from_bytes(length, "big"))
            answer = self.answer(question)
            self.request.sendall(len(answer).to_bytes(2, "big") + answer)


class Site(BaseHTTPRequestHandler):
    visits = None  # of each address

    def do_GET(self):
        self.visits.append(self.server.server_address[0])
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(TITLE + b"<body style='background: #%02x%02x%02x; color: white; font: 28px "
                         b"sans-serif; text-align: center'><h1>Example Domain</h1>" % COLOUR)

    def log_message(self, *_):
        pass


class Page(PageTest):
    PAGE, RESIDENTS = "kiosk", ("kiosk",)
    ADDRESSES = {SITE: [], OTHER: [], NAMES: []}

    def serve(self, server, address, handler):
        server.allow_reuse_address = True
        made = server(address, handler)
        threading.Thread(target=made.serve_forever, daemon=True).start()
        self.addCleanup(made.server_close)
        self.addCleanup(made.shutdown)

    def setUp(self):
        super().setUp()
        for path in ("/etc/lightdm", "/etc/resolv.conf"):
            self.keep(Path(path))
        Site.visits = []
        self.serve(socketserver.ThreadingUDPServer, (NAMES, 53), NamesUdp)
        self.serve(socketserver.ThreadingTCPServer, (NAMES, 53), NamesTcp)
        for address in (SITE, OTHER):
            self.serve(ThreadingHTTPServer, (address, 80), Site)
        Path("/etc/resolv.conf").write_text(f"nameserver {NAMES}\noptions timeout:2 attempts:1\n")

    def browser(self, processes):
        """All are confined; what shows the page is so by Chromium as well."""
        self.assertEqual({"2"}, {status(pid, "Seccomp") for pid in processes})
        spaces = {pid: os.readlink(f"/proc/{pid}/ns/user") for pid in processes}
        filters = {pid: int(status(pid, "Seccomp_filters")) for pid in processes}
        pages = [pid for pid in processes
                 if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        self.assertTrue(pages)
        for pid in pages:
            self.assertNotEqual(os.readlink("/proc/self/ns/user"), spaces[pid])
            self.assertGreater(filters[pid], min(filters.values()))

    def test_page_holds(self):
        bare = self.bare.run(["timeout", "60", "chromium", "--headless", "--dump-dom",
                              "http://www.example.org/"])
        self.assertIn(TITLE.decode(), bare.out, "another site without a session")
        Site.visits.clear()
        self.follow()
        self.assertEqual({SITE}, set(Site.visits))
        self.log.wait(rf"denied user=kiosk .*destination={OTHER}:80 rule=default")
        Site.visits.clear()
        with lightdm():
            eventually(lambda: SCREEN.exists() and pixel(320, 300) == COLOUR, "the site is shown", 40)
            self.browser(Resident("kiosk").processes())
        self.assertEqual({SITE}, set(Site.visits))
