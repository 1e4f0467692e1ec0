# SPDX-License-Identifier: BSD-3-Clause
"""Ways out of a user's session, each shown bare to lead out, then tried inside: nothing may arrive.

The table is docs/PROBES.md, each class of it is one of escape_classes.py.
"""
import subprocess
import unittest

import escape
from escape_classes import WAYS
from stage import probe_program

for ways in WAYS:
    globals()[ways.__name__] = type(ways.__name__, (ways, escape.AsUser), {})


class Table(unittest.TestCase):
    def test_every_probe_has_its_row(self):
        self.assertEqual(set(escape.ROWS), {ways.__name__ for ways in WAYS})
        for program in {ways.PROGRAM for ways in WAYS}:
            listed = {row for ways in WAYS if ways.PROGRAM == program
                      for row in escape.ROWS[ways.__name__]}
            known = subprocess.run([probe_program(program), "list"], stdout=subprocess.PIPE, text=True,
                                   check=True).stdout.split()
            self.assertEqual(listed, set(known), program)


del ways
