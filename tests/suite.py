# SPDX-License-Identifier: BSD-3-Clause
"""Runs the tests of a suite: classes of them, on several private machines side by side as root.

A class is what one machine runs from begin to end; whichever machine is free takes the next one.
"""
import fcntl
import io
import json
import os
import re
import sys
import time
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parent
# A hang is a failure, not a wait.
SUITE_SECONDS = {"live": 420, "kiosk": 300, "root": 1800, "suites": 7200}
# These take longest: begun last, one machine would wait for another.
LONGEST = ("Emission", "Hung", "Unknown", "Start", "Soak")
SLOWEST = 10  # so many are listed
MANY = 100  # of a run of so many


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    @classmethod
    def parse(cls, line):
        return cls(*map(int, re.findall(r"\d+", line)))


class Result(unittest.TestResult):
    """Prints one line a test, and the reason where it did not pass, when the test has ended.

    `lock` is a file: what belongs to one test stands together, whoever else prints.
    """

    def __init__(self, lock):
        super().__init__()
        self.lock, self.counts, self.seconds = lock, Counts(), {}
        self.start, self.good = 0.0, True

    @staticmethod
    def name(test):
        return ".".join(test.id().split(".")[-3:])

    def startTest(self, test):
        super().startTest(test)
        self.start, self.good = time.monotonic(), True
        sys.stdout = io.StringIO()

    def stopTest(self, test):
        super().stopTest(test)
        self.seconds[self.name(test)] = time.monotonic() - self.start
        text, sys.stdout = sys.stdout.getvalue(), sys.__stdout__
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        print(text, end="", flush=True)
        fcntl.lockf(self.lock, fcntl.LOCK_UN)

    def say(self, word, test, detail=""):
        spent = time.monotonic() - self.start if self.start else 0
        print(f"{word} {self.name(test)} ({spent:.1f} s){detail}", flush=True)

    def bad(self, test, text):
        if self.good:
            self.counts.failed += 1
        self.good = False
        self.say("not ok", test, "\n" + text)

    def addError(self, test, err):
        self.bad(test, self._exc_info_to_string(err, test))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.bad(test, f"{subtest}\n" + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        self.counts.skipped += 1
        self.say("skip", test, f": {reason}")

    def addSuccess(self, test):
        if self.good:
            self.counts.passed += 1
            self.say("ok", test)


def loaded(name, only=()):
    """The tests of a suite whose names contain one of the words, and what could not be loaded."""
    sys.path[:0] = [str(TESTS), str(TESTS / name)]
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{word}*" for word in only] or None
    suite = loader.discover(str(TESTS / name), top_level_dir=str(TESTS / name))
    return list(_flat(suite)), loader.errors


def _flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flat(test)
        elif not isinstance(test, unittest.loader._FailedTest):  # pylint: disable=protected-access
            yield test


def _classes(tests):
    """A suite for each class, those that take longest first."""
    found = {}
    for test in tests:
        found.setdefault(type(test), []).append(test)
    return [unittest.TestSuite(found[case]) for case in
            sorted(found, key=lambda case: case.__name__ not in LONGEST)]


class Queue:
    """Numbers below `count`, each of which one process gets that forks from here on."""

    def __init__(self, count):
        self.reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as numbers:
            numbers.write(b"".join(number.to_bytes(2, "big") for number in range(count)))

    def __iter__(self):
        while word := os.read(self.reader, 2):
            yield int.from_bytes(word, "big")


def _run_classes(classes, queue, lock):
    """Those that nobody else takes; counts and durations, as JSON."""
    result = Result(lock)
    for number in queue:
        classes[number].run(result)
    return json.dumps({"counts": str(result.counts), "seconds": result.seconds})


def _on_machine(name, stage, work):
    """A process that does `work` on a private machine of its own; reads what that returned."""
    # Here, as run.py is there for the tests without root, too.
    from commands import PATIENCE, SOAK_SECONDS  # pylint: disable=import-outside-toplevel
    from machine import fork, run_private  # pylint: disable=import-outside-toplevel
    from stage import STAGE  # pylint: disable=import-outside-toplevel

    def staged():
        STAGE.open(name)
        return work()

    def run():
        seconds = SUITE_SECONDS[name] * PATIENCE + SOAK_SECONDS
        os.write(writer, run_private(stage, staged, seconds).encode())
        return 0

    reader, writer = os.pipe()
    fork(run)
    os.close(writer)
    return os.fdopen(reader)


def run_suite(name, stage, only, machines):
    """`stage` is the DESTDIR of the installation; without root it is unused."""
    # Read now: on the private machine the sources may be out of sight.
    tests, errors = loaded(name, only)
    classes = _classes(tests)
    counts, seconds = Counts(failed=len(errors)), {}
    print("".join(errors), end="", flush=True)
    queue, lock = Queue(len(classes)), os.memfd_create("lines")

    def work():
        return _run_classes(classes, queue, lock)

    if os.geteuid() != 0:
        if name != "live":
            sys.exit(f"the suite {name} needs root")
        texts = [work()]
    else:
        readers = [_on_machine(name, stage, work)
                   for _ in range(min(machines, max(len(classes), 1)))]
        texts = [reader.read() for reader in readers]
    for text in texts:
        if not text:
            print("not ok: a private machine did not end, or not well")
            counts.failed += 1
            continue
        part = json.loads(text)
        counts.add(Counts.parse(part["counts"]))
        seconds.update(part["seconds"])
    if len(seconds) >= MANY:
        print(f"{sum(seconds.values()):.0f} s in all, of these the slowest:")
        for test in sorted(seconds, key=seconds.get, reverse=True)[:SLOWEST]:
            print(f"  {seconds[test]:6.1f} s  {test}")
    return counts
