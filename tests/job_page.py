# SPDX-License-Identifier: BSD-3-Clause
"""A page of docs/jobs as a test: its blocks are run as they stand, and must write what it says.

Called by the tests of the pages. A fence "sh root" is for bash as root, "sh NAME" for the person of
the page called NAME; "later" is tried until it writes what the page says. A fence "text" behind it
is what that wrote, all of it; a block without one may write what it likes, but nothing in it may fail.
"""
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from accounts import Account
from commands import call, eventually
from session_test import SessionTest
from stage import PREFIX, STAGE, ctl

# Read now: on the private machine the sources may be out of sight.
PAGES = {path.stem: path.read_text()
         for path in (Path(__file__).parents[1] / "docs/jobs").glob("*.md")}
BLOCK = re.compile(r"^```sh (\S+)(?: (later))?\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?",
                   re.M | re.S)
ACCOUNTS = ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")


class Resident(Account):
    """Whom the page has made an account for."""

    def __init__(self, name):  # pylint: disable=super-init-not-called
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid = name, entry.pw_uid, entry.pw_gid
        self.home = Path(entry.pw_dir)


class PageTest(SessionTest):
    """PAGE is the page, RESIDENTS are the accounts that it makes."""

    PAGE = ""
    RESIDENTS = ()
    ADDRESSES = {}  # of other machines, with their names

    def setUp(self):
        super().setUp()
        STAGE.policy(None)
        scratch = tempfile.TemporaryDirectory(prefix="sandlock-page.")
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)
        self.directory.chmod(0o755)
        for name in ("pam.d", "hosts", *ACCOUNTS):
            self.keep(Path("/etc", name))
        self.keep(STAGE.policies)
        self.addCleanup(self.remove_residents)
        for address, names in self.ADDRESSES.items():
            self.address(address, *names)

    def address(self, address, *names):
        """The machine has `address` for the time of the test, and it has `names`."""
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        self.addCleanup(subprocess.run, ["ip", "addr", "del", f"{address}/32", "dev", "lo"],
                        check=True)
        if names:
            with open("/etc/hosts", "a", encoding="ascii") as hosts:
                hosts.write(f"{address} {' '.join(names)}\n")

    def keep(self, path):
        """It is as it was when the test has ended."""
        copy = self.directory / "kept" / path.name
        copy.parent.mkdir(exist_ok=True)
        call(["cp", "-a", path, copy])

        def restore():
            if path.is_dir():
                shutil.rmtree(path)
            call(["cp", "-a", copy, path])
        self.addCleanup(restore)

    def remove_residents(self):
        for name in self.RESIDENTS:
            try:
                resident = Resident(name)
            except KeyError:
                continue
            resident.end_processes()
            shutil.rmtree(resident.home)

    def person(self, name, shell, script):
        """What a shell of this person makes of the script."""
        return Resident(name).su(f"exec {' '.join(shell)}", stdin=script)

    def elsewhere(self):
        """Pairs: what the page writes, and what that is on this machine."""
        return [("/usr/share/doc/sandlock", f"{PREFIX}/share/doc/sandlock"),
                ("/etc/sandlock", f"{PREFIX}/etc/sandlock"),
                (" pam_sandlock.so", f" {PREFIX}/lib/security/pam_sandlock.so"),
                ("sandlockctl ", f"{ctl()} ")]

    def run_block(self, name, script, said):
        """What the block wrote."""
        for here, there in self.elsewhere():
            script = script.replace(here, there)
        shell = ["bash"] if said else ["bash", "-e"]
        done = call(shell, stdin=script, cwd=self.directory) if name == "root" \
            else self.person(name, shell, script)
        if not said:
            self.assertEqual(0, done.status, f"{script}\n{done}")
        for here, there in self.elsewhere():
            done.out = done.out.replace(there, here)
        return done.out

    def later(self, come):
        """Lets the time pass that the page speaks of, until come() is true."""
        eventually(come, "what the page says")

    def follow(self):
        """The whole page, from top to bottom."""
        text = PAGES[self.PAGE]
        blocks = [match.groups() for match in BLOCK.finditer(text)]
        self.assertEqual(text.count("```sh "), len(blocks))
        for name, later, script, said in blocks:
            if later:
                self.later(lambda block=(name, script, said):
                           self.run_block(*block) == block[-1])
                continue
            written = self.run_block(name, script, said)
            self.assertEqual(said or written, written, script)
