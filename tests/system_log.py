# SPDX-License-Identifier: BSD-3-Clause
"""The system's log: what the session writes there."""
import os
import re
import socket
import threading

from commands import eventually


class Log:
    """Stands in for the system's log daemon and keeps the lines."""

    def __init__(self, path="/dev/log"):
        self.lines = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.path = path
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        os.unlink(self.path)

    def _serve(self):
        while True:
            self.lines.append(self.socket.recv(65536).decode(errors="replace"))

    def clear(self):
        self.lines.clear()

    def wait(self, pattern, timeout=5):
        try:
            return eventually(lambda: next((line for line in self.lines
                                            if "sandlock" in line and re.search(pattern, line)),
                                           None), pattern, timeout)
        except AssertionError:
            raise AssertionError(f"no line matches {pattern!r} in the log:\n  "
                                 + "\n  ".join(self.lines)) from None
