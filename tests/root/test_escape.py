# SPDX-License-Identifier: BSD-3-Clause
"""Ways out of a user's session, each shown bare to lead out, then tried inside: nothing may arrive.

The table is docs/PROBES.md, each class of it is one of escape_classes.py.
"""
import re
import subprocess
import unittest
from pathlib import Path

import escape
from harness import compiled
from escape_classes import WAYS

for ways in WAYS:
    globals()[ways.__name__] = type(ways.__name__, (ways, escape.AsUser), {})


TESTS = Path(__file__).parents[1]
MODEL = (TESTS.parent / "docs/THREAT-MODEL.md").read_text(encoding="utf-8")
SOURCES = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8")
           for path in TESTS.rglob("*.[cp]*") if path.suffix in (".c", ".py")}


class ThreatModel(unittest.TestCase):
    def test_every_test_that_it_names_exists(self):
        everything = "\n".join(SOURCES.values())
        holds = MODEL[MODEL.index("## What holds"):MODEL.index("## Root inside")]
        shown = [line.split(" | ")[-1] for line in holds.splitlines() if line.startswith("| ")][1:]
        self.assertGreater(len(shown), 40)
        for words in shown:
            with self.subTest(words=words):
                for path in re.findall(r"(?:root|live)/\w+", words):
                    self.assertIn(f"{path}.py", SOURCES)
                for units in re.findall(r"unit ([^;|(]+)", words):
                    for unit in re.sub(r"`[^`]*`", "", units).replace(",", " ").split():
                        self.assertIn(f"unit/test_{unit}.c", SOURCES)
                for name in re.findall(r"`(\w+)", words):
                    self.assertRegex(everything, rf"\b{name}")
                self.assertRegex(words, r"`\w+|root/|live/|unit |fuzz_")


class Table(unittest.TestCase):
    def test_every_probe_has_its_row(self):
        self.assertEqual(set(escape.ROWS), {ways.__name__ for ways in WAYS})
        for program in {ways.PROGRAM for ways in WAYS}:
            listed = {row for ways in WAYS if ways.PROGRAM == program
                      for row in escape.ROWS[ways.__name__]}
            known = subprocess.run([compiled(program), "list"], stdout=subprocess.PIPE, text=True,
                                   check=True).stdout.split()
            self.assertEqual(listed, set(known), program)


del ways
