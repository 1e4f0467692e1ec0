# SPDX-License-Identifier: BSD-3-Clause
"""Commands that the tests run, conditions that they wait for, and how patient they are."""
import os
import subprocess
import time

SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "0"))  # more than is tried otherwise, for so long
PATIENCE = int(os.environ.get("SANDLOCK_PATIENCE", "1"))  # how much slower than others we are
CALL_SECONDS = 30  # one command
PYTHON = "/usr/bin/python3"


class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __eq__(self, other):
        return (self.status, self.out, self.err) == (other.status, other.out, other.err)

    def __repr__(self):
        return f"status {self.status}, stdout {self.out!r}, stderr {self.err!r}"


def call(argv, stdin="", timeout=CALL_SECONDS, **options):
    done = subprocess.run([str(word) for word in argv], input=stdin.encode(), capture_output=True,
                          timeout=timeout * PATIENCE, check=False, **options)
    return Done(done.returncode, done.stdout.decode(errors="replace"),
                done.stderr.decode(errors="replace"))


def eventually(condition, what, timeout=10):
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.02)
