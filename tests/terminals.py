# SPDX-License-Identifier: BSD-3-Clause
"""Programs on pseudo terminals, spoken to as a person would."""
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from fcntl import ioctl

from commands import PATIENCE


class Terminal:
    """A program on a pseudo terminal of its own, spoken to as a person would."""

    def __init__(self, argv, rows=24, columns=80, **environment):
        self.text, self.status = "", None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it
                os.execvpe(argv[0], argv, {**os.environ, "TERM": "dumb", **environment})
            finally:
                os._exit(127)  # never a second process that goes on with the tests
        self.resize(rows, columns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def resize(self, rows, columns):
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.fd, text.encode())

    def _read(self, timeout):
        """False at the end of what the program writes."""
        if select.select([self.fd], [], [], timeout)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                # util-linux's login(1) hangs its own terminal up and opens it again.
                time.sleep(0.02)
                return self.status is None and os.waitid(
                    os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
            self.text += data.decode(errors="replace")
            return bool(data)
        return True

    def expect(self, pattern, timeout=10):
        end = time.monotonic() + timeout * PATIENCE
        while not (match := re.search(pattern, self.text)):
            if time.monotonic() > end or not self._read(0.1):
                raise AssertionError(f"expected {pattern!r} on the terminal, got {self.text!r}")
        self.text = self.text[match.end():]
        return match

    def ask(self, command, pattern=r"(.*?)", timeout=10):
        """Types `command`; what it answered before the next prompt."""
        self.send(command + "\r")
        self.expect(r"\n")
        return self.expect(r"(?s)" + pattern + r"\r?\nready> ", timeout).group(1)

    def wait(self, timeout=10):
        """The exit status once the program has ended, as a shell would write it."""
        end = time.monotonic() + timeout * PATIENCE
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
            elif time.monotonic() > end:
                raise AssertionError(f"still runs, wrote {self.text!r}")
            else:
                self._read(0.05)
        return self.status

    def close(self):
        """Hangs up."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(self.pid, 0)
            self.status = -1
