# SPDX-License-Identifier: BSD-3-Clause
"""A cable of two interfaces, and who listens at its other end: sees what leaves the machine."""
import socket
import subprocess
from pathlib import Path


class Sniffer:
    """Sees what leaves by the interface NAME: it listens at the other end of its cable."""
    NAME, END, GATEWAY = "wire0", "wire1", "02:00:00:00:00:02"
    ALL = 3  # ETH_P_ALL
    # Nothing is sent without a reason, and what has one soon.
    SETTINGS = {f"ipv6/conf/{END}/disable_ipv6": 1, f"ipv6/conf/{NAME}/accept_dad": 0,
                f"ipv6/conf/{NAME}/router_solicitations": 0,
                f"ipv6/conf/{NAME}/mldv2_unsolicited_report_interval": 10,
                f"ipv4/conf/{NAME}/igmpv3_unsolicited_report_interval": 10}

    def __init__(self):
        self.ip(f"link add {self.NAME} type veth peer name {self.END}")
        for name, value in self.SETTINGS.items():
            Path("/proc/sys/net", name).write_text(str(value), encoding="ascii")
        for words in (f"link set {self.END} up", f"link set {self.NAME} up",
                      f"addr add 198.18.0.1/24 dev {self.NAME}",
                      f"addr add fd18::1/64 dev {self.NAME} nodad"):
            self.ip(words)
        for version, gateway in (("-4", "198.18.0.2"), ("-6", "fd18::2")):
            self.ip(f"{version} neigh add {gateway} lladdr {self.GATEWAY} dev {self.NAME}")
            self.ip(f"{version} route add default via {gateway}")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(self.ALL))
        self.socket.bind((self.END, 0))
        self.quiet(2)

    @staticmethod
    def ip(words):
        subprocess.run(["ip", *words.split()], check=True)

    def seen(self, seconds):
        """Whether a frame comes within this time."""
        self.socket.settimeout(seconds)
        try:
            return bool(self.socket.recv(2048))
        except TimeoutError:
            return False

    def quiet(self, seconds=0.2):
        while self.seen(seconds):
            pass

    def close(self):
        self.socket.close()
        self.ip(f"link del {self.NAME}")
