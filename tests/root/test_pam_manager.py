# SPDX-License-Identifier: BSD-3-Clause
"""The user's service manager, as systemd opens its session; systemd itself is not there."""
from pathlib import Path

from commands import call, eventually
from machine import PUBLIC
from stage import STAGE, probe_program
from test_pam import STACKS, PamTest

VENDOR = Path("/usr/lib/pam.d/systemd-user")
STATES = """
for pid in $$ $(ps --ppid $$ -o pid=,comm= | sed -n 's/ *(sd-pam)//p'); do
    grep ^Seccomp: /proc/$pid/status | cut -f 2
done"""


class Manager(PamTest):
    def setUp(self):
        super().setUp()
        own = STACKS / "systemd-user"
        if not own.exists() and VENDOR.exists():
            own.write_text(VENDOR.read_text())
            self.addCleanup(own.unlink)
        if not own.exists():
            self.skipTest("no systemd-user in /etc/pam.d or /usr/lib/pam.d")

    def run_manager(self, command):
        STAGE.log.clear()
        done = call([probe_program("user_manager"), "dora", command])
        if done.status == 0:
            eventually(lambda: any("systemd-user:session): session closed" in line
                                   for line in STAGE.log.lines), "the session is closed")
        return done

    def test_manager_and_who_waits_for_its_end_are_confined(self):
        listed, other = self.listen(PUBLIC), self.listen(PUBLIC)
        command = STATES + "".join(f"\ncat </dev/tcp/{PUBLIC}/{seen.port}"
                                   for seen in (listed, other)) + "\ntrue"
        self.assertEqual(["0", "0", "hello", "hello"], self.run_manager(command).out.split())
        self.assertEqual((1, 1), (listed.arrivals(), other.arrivals()))
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{listed.port}\n", "dora")
        self.stack("systemd-user")
        done = self.run_manager(command)
        self.assertEqual(["2", "2", "hello"], done.out.split(), done)
        self.assertEqual((1, 0), (listed.arrivals(), other.arrivals()))
        self.log.wait(rf"denied user=dora .*destination={PUBLIC}:{other.port} rule=default")

    def test_broken_policy_starts_no_manager(self):
        self.assertEqual("started\n", self.run_manager("echo started").out)
        STAGE.policy("[network]\nnet_allow = everywhere\n", "dora")
        self.stack("systemd-user")
        done = self.run_manager("echo started")
        self.assertEqual((224, ""), (done.status, done.out))
