# SPDX-License-Identifier: BSD-3-Clause
"""What the tables of ways out share: who tries them, what is expected, who sees what arrives.

Called by test_escape.py and test_escape_root.py; the ways are in escape_classes.py. docs/PROBES.md is the one
table of what is expected. A probe that does not lead out bare proves nothing: it is not tried
inside and is counted as skipped.
"""
import re
import subprocess
from pathlib import Path

from session_test import SessionTest
from stage import PREFIX, STAGE, probe_program
from test_pam_nested import NestedTest

SETTINGS = ("user", "user with UDP", "root", "root with UDP")
NETWORK = "[network]\nnet_allow = 127.0.0.1:{allowed}\n"
DATAGRAMS = ("allow_udp = yes\nallow_icmp = yes\nunix_dgram = yes\n"
             "net_allow.datagrams = udp://127.0.0.1:9\n")
FILES = ("[policy]\ninclude = system\n[filesystem]\nwrite = %h\nread = /var/log\n"
         "exec = {prefix} {stage}\n")
NOT_TRIED = "-"
RACES = 8  # how often one is run bare until it is won
SILENT = "nothing arrives"  # whatever the probe says itself


def rows_read(text):
    """The rows of each class: what a probe says bare and inside, in each setting."""
    classes = {}
    for line in text.splitlines():
        if heading := re.match(r"## (\w+)", line):
            rows = classes.setdefault(heading.group(1), {})
        elif row := re.match(r"\| `(\w+)` \|(.*)\|$", line):
            cells = [cell.strip() for cell in row.group(2).split("|")]
            rows[row.group(1)] = dict(zip(SETTINGS, (cells[1], cells[2], cells[4], cells[5])))
    return classes


# Read now: on the private machine the documents may be out of sight.
ROWS = rows_read((Path(__file__).parents[2] / "docs/PROBES.md").read_text(encoding="utf-8"))


class Caller:
    """A shell that stays and runs what it is told; `home` may be written inside."""

    def __init__(self, case, argv, ids, home, first=""):
        (self.uid, self.gid), self.home = ids, home
        # pylint: disable-next=consider-using-with
        self.shell = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
        case.addCleanup(self.close)
        if first:
            self.say(first)

    def close(self):
        self.shell.stdin.close()
        self.shell.wait()
        self.shell.stdout.close()

    def say(self, line):
        self.shell.stdin.write(line + "\n")
        self.shell.stdin.flush()

    def ask(self, command, react=None):
        """What `command` writes; `react` may answer a line at once, with what stands for it."""
        self.say(f"({command}); echo .")
        lines = []
        while (line := self.shell.stdout.readline()) != ".\n":
            if not line:
                raise AssertionError(f"the shell ended over {command!r} after {lines}")
            line = line.strip()
            lines.append(react(line) if react else line)
        return "\n".join(line for line in lines if line is not None)


class Escape:
    """One class of ways. A test for each setting goes through all its rows."""

    PROGRAM = None
    RESTRICTS_FILES = False
    PLACES = ""  # what the policy names further in [filesystem]

    def run(self, result=None):
        self.result = result
        return super().run(result)

    def enter(self, policy):
        """Opens both shells: sets `self.outside` and `self.inside`."""
        raise NotImplementedError

    def prepare(self):
        """What is there before anybody logs in; returns the port that may be reached."""
        raise NotImplementedError

    def attend(self):
        """What is there once both have."""

    def words(self, _who):
        """Port and path for the probe."""
        return self.witnesses[0].port, "-"

    def arrived(self):
        return sum(witness.arrivals() for witness in self.witnesses)

    def command(self, who, probe):
        port, path = self.words(who)
        return f"exec {probe_program(self.PROGRAM)} {probe} {port} {self.allowed} {path}"

    def attempt(self, who, probe):
        """What the probe said, and how often somebody saw it."""
        said = who.ask(self.command(who, probe))
        return said, self.arrived()

    def leads_out(self, said, arrived):
        return said == "ok" and arrived > 0

    def try_out(self, probe, expected):
        for _ in range(RACES if probe.startswith("race_") else 1):
            said, arrived = self.attempt(self.outside, probe)
            if self.leads_out(said, arrived):
                break
        bare = f"{said}, {arrived} arrived"
        if not self.leads_out(said, arrived):
            self.table.append((probe, bare, NOT_TRIED))
            self.result.addSkip(self, f"{probe} leads nowhere bare: {bare}")
            return
        said, arrived = self.attempt(self.inside, probe)
        self.table.append((probe, bare, f"{said}, {arrived} arrived"))
        self.assertEqual(0, arrived)
        if expected not in (NOT_TRIED, SILENT):
            self.assertEqual(expected, said)

    def through(self, setting):
        rows = ROWS.get(type(self).__name__, {})
        network = NETWORK + (DATAGRAMS if setting.endswith("UDP") else "")
        self.table = []
        self.allowed = self.prepare()
        self.enter(network.format(allowed=self.allowed))
        self.attend()
        self.addCleanup(self.tell, setting)
        for probe, expected in rows.items():
            with self.subTest(probe=probe):
                self.try_out(probe, expected[setting])
        self.assertTrue(rows)

    def tell(self, setting):
        print(f"{type(self).__name__}, {setting}:")
        width = max([len(row[0]) for row in self.table], default=0)
        for probe, bare, inside in self.table:
            print(f"  {probe:{width}}  {bare:26} {inside}")


def files():
    return FILES.format(prefix=PREFIX, stage=STAGE.directory)


class AsUser(Escape, SessionTest):
    """By the login shell: bare is another user's account without it."""

    def setUp(self):
        super().setUp()
        copy = STAGE.policies / "system.inc"
        copy.write_bytes((PREFIX / "share/doc/sandlock/examples/system.inc").read_bytes())
        self.addCleanup(copy.unlink)

    def accounts(self):
        return self.bare, self.confined

    def uids(self):
        """Of who tries it, bare and inside."""
        return self.bare.uid, self.confined.uid

    def enter(self, policy):
        STAGE.policy((files() + self.PLACES if self.RESTRICTS_FILES else "") + policy)
        self.outside, self.inside = (
            Caller(self, ["su", "-", who.name], (who.uid, who.gid), who.home)
            for who in self.accounts())

    def test_without_udp(self):
        self.through("user")

    def test_with_udp(self):
        self.through("user with UDP")


class AsRoot(Escape, NestedTest):
    """Under the module: who became root by su in dora's session, and root outside of any."""

    def accounts(self):
        return self.dora, self.dora

    def uids(self):
        return (0,)

    def enter(self, policy):
        STAGE.policy(files() + self.PLACES + policy, "dora")
        self.outside = Caller(self, ["bash"], (0, 0), self.dora.home)
        self.inside = Caller(self, ["su", "dora"], (0, 0), self.dora.home, "exec su root")
        self.assertEqual("0", self.inside.ask("id -u"))
        self.assertEqual("2", self.inside.ask("awk '/^Seccomp:/ { print $2 }' /proc/self/status"))

    def test_without_udp(self):
        self.through("root")

    def test_with_udp(self):
        self.through("root with UDP")
