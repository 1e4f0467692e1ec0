# SPDX-License-Identifier: BSD-3-Clause
"""Clients bind port 0: for a source address, and to find out about IPv6. Only a listen is a server's."""
import os
import shutil
import socket
import subprocess
import threading
import unittest

from accounts import PLAIN_PORT
from commands import PYTHON, eventually
from listeners import connect_ex
from session_test import SessionTest
from stage import STAGE

# A server on every address, as Go makes it: on IPv4 alone where it believes that there is no IPv6.
GO_SERVER = """
package main
import ("fmt"; "net"; "os")
func main() {
	server, err := net.Listen("tcp", ":8080")
	if err != nil { fmt.Println(err); os.Exit(1) }
	fmt.Println("listening")
	for { client, err := server.Accept(); if err == nil { client.Close() } }
}
"""


class DnsServer:
    """Answers each question over TCP with NOERROR, and remembers who came."""

    def __init__(self, address):
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        self.came = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, peer = self.socket.accept()
            except OSError:
                return
            with client:
                query = client.recv(4096)
                if len(query) > 4:
                    self.came.append(peer[0])
                    client.sendall(query[:4] + bytes([query[4] | 0x80]) + query[5:])

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class ClientBind(SessionTest):
    def policy(self, text):
        STAGE.policy(f"[network]\n{text}\n")

    def denials(self):
        return [line for line in STAGE.log.lines if "denied" in line]

    def test_python_finds_out_about_ipv6_and_nothing_is_logged(self):
        """socket.has_dualstack_ipv6, and what requests and pip do (urllib3's _has_ipv6)."""
        source = """
def has_ipv6():
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
answer([socket.has_dualstack_ipv6(), attempt(has_ipv6)])"""
        self.assertEqual([True, "ok"], self.both(lambda who: who.python(source)))
        self.assertEqual([], self.denials())

    def test_go_server_listens_on_ipv4_and_ipv6(self):
        go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
        if not go:
            raise unittest.SkipTest("there is no go")
        source, program = STAGE.directory / "server.go", STAGE.directory / "go-server"
        source.write_text(GO_SERVER)
        subprocess.run([go, "build", "-o", program, source], check=True, timeout=240,
                       env={**os.environ, "HOME": str(STAGE.directory), "CGO_ENABLED": "0",
                            "GO111MODULE": "off", "GOCACHE": str(STAGE.directory / "go-cache")})
        self.policy("net_bind = 8080")

        def addresses(who):
            with subprocess.Popen(["su", "-", who.name, "-c", f"exec {program}"],
                                  stdout=subprocess.PIPE) as server:
                self.assertEqual(b"listening\n", server.stdout.readline())
                said = []
                for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                    with socket.socket(family) as client:
                        said.append(client.connect_ex((host, 8080)))
                who.end_processes()
            return said
        self.assertEqual([0, 0], self.both(addresses))
        self.assertEqual([], self.denials())

    def test_dig_asks_over_tcp_from_an_address(self):
        server = DnsServer("127.0.0.1")
        self.addCleanup(server.close)
        self.policy(f"net_allow = 127.0.0.1:{server.port}")
        command = (f"dig +tcp +tries=1 +time=5 -p {server.port} -b 127.0.0.3 @127.0.0.1 example.com "
                   "| grep -c 'status: NOERROR'")
        self.assertEqual("1\n", self.both(lambda who: who.su(command).out))
        self.assertEqual(["127.0.0.3"] * 2, server.came)

    def test_ssh_connects_from_an_address(self):
        self.policy(f"net_allow = 127.0.0.1:{PLAIN_PORT}")
        command = (f"ssh -b 127.0.0.3 -o BatchMode=yes -p {PLAIN_PORT} 127.0.0.1 "
                   "'echo $SSH_CLIENT | cut -d\" \" -f1'")
        self.assertEqual("127.0.0.3\n", self.both(lambda who: who.su(command).out))

    def test_curl_and_nc_connect_from_an_address(self):
        # pylint: disable-next=consider-using-with
        server = subprocess.Popen([PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "8099"],
                                  cwd="/opt", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        eventually(lambda: connect_ex(("127.0.0.1", 8099)) == 0, "the server listens")
        self.policy("net_allow = 127.0.0.1:8099")
        for command, answer in (
                ("curl -s -o /dev/null --interface 127.0.0.3 -w '%{http_code} %{local_ip}' "
                 "http://127.0.0.1:8099/", "200 127.0.0.3"),
                ("printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 -s 127.0.0.3 127.0.0.1 8099 "
                 "| grep -c '200 OK'", "1\n")):
            with self.subTest(command=command):
                said = self.both(lambda who, command=command: who.su(command).out)
                self.assertEqual(answer, said)

    def test_bound_socket_listens_to_nobody(self):
        """Also where it binds a port of its choice, and where another session is to listen on it."""
        source = """
import struct
def tried(family, host, low=0):
    with socket.socket(family) as s:
        if low:
            s.setsockopt(socket.IPPROTO_IP, 51, struct.pack("I", low << 16 | low))
        said = [attempt(s.bind, (host, 0)), attempt(s.listen)]
        with socket.socket(family) as client:
            client.settimeout(5)
            return said + [attempt(client.connect, s.getsockname())]
answer([tried(socket.AF_INET, "127.0.0.1"), tried(socket.AF_INET6, "::1"),
        tried(socket.AF_INET, "0.0.0.0", 40124)])"""
        self.policy("net_bind = 8080\nnet_allow = @loopback:*")
        self.assertEqual([["ok"] * 3] * 3, self.bare.python(source))
        self.assertEqual([["ok", "EACCES", "ECONNREFUSED"]] * 3, self.confined.python(source))

    def test_bound_port_that_is_listed_is_listened_on(self):
        self.policy("net_bind = 40125\nnet_allow = @loopback:*")
        source = """
import struct
with socket.socket() as s:
    s.setsockopt(socket.IPPROTO_IP, 51, struct.pack("I", 40125 << 16 | 40125))
    said = [attempt(s.bind, ("127.0.0.1", 0)), attempt(s.listen), tcp("127.0.0.1", 40125)]
answer(said)"""
        self.assertEqual(["ok"] * 3, self.both(lambda who: who.python(source)))
