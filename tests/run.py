#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs one suite and ends in the line `N passed, N failed, N skipped`.

Called by the Makefile, one suite a call; `total` adds up what the suites left in --results.
A suite in which nothing passed is a failure, whatever it skipped.
"""
import argparse
import os
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parent
# A hang is a failure, not a wait.
PROGRAM_SECONDS = 120
SUITE_SECONDS = {"live": 420, "kiosk": 300, "root": 1800, "suites": 7200}
TAP = re.compile(r"^(not )?ok\b[ \d]*-? *(.*?)( *# *SKIP.*)?$", re.IGNORECASE)


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


def run_program(argv, name):
    """One program that speaks TAP; an exit status that its lines do not explain is a failure."""
    counts = Counts()
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PROGRAM_SECONDS, check=False,
                              env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
        status, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        status, output = "time-out", (late.stdout or b"").decode(errors="replace")
    for line in output.splitlines():
        match = TAP.match(line)
        if not match:
            continue
        if match.group(3):  # cmocka writes `not ok` before it, too
            counts.skipped += 1
        elif match.group(1):
            counts.failed += 1
        else:
            counts.passed += 1
    if status != 0 and counts.failed == 0:
        counts.failed += 1
    if counts.failed:
        print(output)
    print(f"{name}: {counts}" + (f" (status {status})" if status else ""))
    return counts


def run_programs(programs, under):
    counts = Counts()
    for program in programs:
        counts.add(run_program(under.split() + [program], Path(program).name))
    return counts


class Result(unittest.TestResult):
    """Prints one line a test, and the reason at once where it did not pass."""

    def __init__(self):
        super().__init__()
        self.counts = Counts()
        self.start = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.start = time.monotonic()
        self.good = True

    def say(self, word, test, detail=""):
        name = ".".join(test.id().split(".")[-3:])
        print(f"{word} {name} ({time.monotonic() - self.start:.1f} s){detail}", flush=True)

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
    return suite, loader.errors


def run_suite(name, stage, only):
    """`stage` is the DESTDIR of the installation; without root it is unused."""
    # Read now: on the private machine the sources may be out of sight.
    suite, errors = loaded(name, only)
    # pylint: disable=import-outside-toplevel
    from commands import PATIENCE, SOAK_SECONDS
    from machine import run_private
    from stage import STAGE

    def body():
        result = Result()
        for error in errors:
            print(error)
            result.counts.failed += 1
        suite.run(result)
        return str(result.counts)

    def staged():
        STAGE.open(name)
        return body()

    if os.geteuid() != 0:
        if name != "live":
            sys.exit(f"the suite {name} needs root")
        return Counts.parse(body())
    seconds = SUITE_SECONDS[name] * PATIENCE + SOAK_SECONDS
    return Counts.parse(run_private(stage, staged, seconds) or "0 passed, 1 failed, 0 skipped")


def run_total(results, suites):
    counts = Counts()
    for suite in suites:
        try:
            line = (results / suite).read_text().strip()
        except FileNotFoundError:
            line = "0 passed, 1 failed, 0 skipped"
        print(f"{suite + ':':12}{line}")
        counts.add(Counts.parse(line))
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", type=Path)
    parser.add_argument("--stage", default="", help="DESTDIR of the installation to test")
    parser.add_argument("--under", default="", help="what each unit test runs under")
    parser.add_argument("suite", choices=["unit", "live", "root", "kiosk", "suites", "script", "total"])
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()

    name, words = options.suite, options.arguments
    if name == "total":
        counts = run_total(options.results, words)
    elif name == "unit":
        counts = run_programs(words, options.under)
    elif name == "script":
        name = Path(words[0]).name
        counts = run_program(words, name)
    else:
        counts = run_suite(name, options.stage, words)
    if counts.passed == 0:
        counts.failed = max(counts.failed, 1)
    if options.results and options.suite != "total":
        options.results.mkdir(parents=True, exist_ok=True)
        (options.results / name).write_text(f"{counts}\n")
    print(counts)
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
