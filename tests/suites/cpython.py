# SPDX-License-Identifier: BSD-3-Clause
"""Runs one part of CPython's test suite and writes a line a test: its name, how it ended.

Run in a login by test_suites.py, with the part and the file to write to.
"""
import sys
import unittest
from test import support


class Result(unittest.TestResult):
    def __init__(self, path):
        super().__init__()
        self.lines = open(path, "w", encoding="utf-8")

    def say(self, test, word, err=None):
        print(test.id().replace("\n", " "), word, sep="\t", file=self.lines, flush=True)
        if err:
            print(self._exc_info_to_string(err, test), file=sys.stderr)

    def addSuccess(self, test):
        self.say(test, "ok")

    def addFailure(self, test, err):
        self.say(test, "failed", err)

    def addError(self, test, err):
        self.say(test, "failed", err)

    def addSkip(self, test, reason):
        self.say(test, "skipped")

    def addExpectedFailure(self, test, err):
        self.say(test, "ok")

    def addUnexpectedSuccess(self, test):
        self.say(test, "failed")

    def addSubTest(self, test, subtest, err):
        if err:
            self.say(test, "failed", err)


# Processes that multiprocessing starts come by here too.
if __name__ == "__main__":
    part, results = sys.argv[1:]
    sys.argv[1:] = []
    support.use_resources = {"cpu": None, "subprocess": None}  # no outside network
    unittest.defaultTestLoader.loadTestsFromName(f"test.{part}").run(Result(results))
