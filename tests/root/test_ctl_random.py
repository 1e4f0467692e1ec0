# SPDX-License-Identifier: BSD-3-Clause
"""sandlockctl pam over random users, policies and stacks: it answers, whatever it is asked about.

`make san-ctl` runs it, and all other tests of sandlockctl, with the address sanitizer in the program.
"""
import json
import os
import random
import time
from pathlib import Path

from commands import SOAK_SECONDS, call
from stage import ctl
from test_ctl_pam import STACKS, CtlPam

SECONDS = 12
SEED = int(os.environ.get("SEED", "0"))  # of a run that failed
SERVICES = ("sshd", "su", "su-l", "login", "cron", "atd", "sudo", "other", "common-session",
            "common-account", "systemd-user", "lightdm", "lightdm-greeter", "passwd", "x", "y")
MODULES = ("pam_sandlock.so", "pam_unix.so", "pam_permit.so", "pam_deny.so", "pam_env.so",
           "/lib/security/pam_sandlock.so", "pam_limits.so", "pam_systemd.so", "pam_exec.so", "")
CONTROLS = ("required", "requisite", "sufficient", "optional", "include", "substack", "binding",
            "[success=ok ignore=ignore default=bad]", "[success=2 default=ignore]",
            "[default=99999999999]", "[success=done new_authtok_reqd=reset default=die]",
            "[success=1 default=", "[]", "")
WORDS = ("mode=gate", "mode=open", "mode=", "exempt=r0,@g1", "exempt=", "services=su,login",
         "services=,,", "conf=/nonexistent", "conf=x", "nested=inherit", "quiet", "debug", "no_pass_expiry",
         "[a b]", "=", "x" * 300)
TYPES = ("auth", "account", "session", "password", "-session", "any", "", "sessions")
POLICIES = ("[network]\n", "[filesystem]\nwrite = %h\n", "[filesystem]\nread = /\n", "",
            "[filesystem]\nwrite = %h/.ssh %h/x\n", "[policy]\ninclude = none\n", "nonsense\n",
            "[filesystem]\nwrite = %h/.config\n[limits]\nprocesses = 3\n", "[network]\nnet_allow = :1-9\n",
            "[policy]\ninclude = system\n[filesystem]\nwrite = %h\n")
SETTINGS = ("PermitUserEnvironment yes", "PermitUserRC no", "AllowTcpForwarding no", "UsePAM no",
            "AuthorizedKeysFile %h/keys .ssh/a /etc/keys/%u none", "AuthorizedKeysFile none",
            "DisableForwarding yes", "Subsystem sftp internal-sftp", "Match User r0", "ForceCommand x",
            "Nonsense yes")
SHELLS = ("/bin/bash", "/usr/sbin/nologin", "", "/bin/false")


class Random(CtlPam):
    def setUp(self):
        super().setUp()
        for path in map(Path, ("/etc/passwd", "/etc/group", "/etc/shadow")):
            self.addCleanup(path.write_text, path.read_text())

    def line(self, dice):
        if dice.random() < 0.2:
            return f"@include {dice.choice(SERVICES + ('/etc/pam.d/x', ''))}"
        name = dice.choice(SERVICES if dice.random() < 0.2 else MODULES)
        return " ".join((dice.choice(TYPES), dice.choice(CONTROLS), name,
                         *dice.choices(WORDS, k=dice.randrange(3))))

    def stacks(self, dice):
        for path in STACKS.iterdir():
            if dice.random() < 0.5:
                path.unlink()
        for name in dice.sample(SERVICES, dice.randrange(1, len(SERVICES))):
            text = "".join(self.line(dice) + dice.choice(("\n", "\n", "\n", "\\\n", " # x\n"))
                           for _ in range(dice.randrange(12)))
            data = bytearray(text.encode())
            if data and dice.random() < 0.2:
                data[dice.randrange(len(data))] = dice.randrange(256)
            (STACKS / name).write_bytes(data)

    def users(self, dice):
        """Accounts without homes of their own, with homes that others have, and strange ones."""
        count = dice.randrange(1, 8)
        kept = [[line for line in Path("/etc", name).read_text().splitlines() if line[:1] not in "rg"
                 or line.startswith("root")] for name in ("passwd", "group", "shadow")]
        for number in range(count):
            home = dice.choice(("/home/bare", "/home/alice", f"/home/r{number}", "/", "", "/tmp/../home"))
            kept[0].append(f"r{number}:x:{29000 + number}:{29000 + number}::{home}:{dice.choice(SHELLS)}")
            kept[1].append(f"g{number}:x:{29000 + number}:{','.join(dice.sample(['r0', 'r1', 'bare'], 2))}")
            kept[2].append(f"r{number}:*:{dice.choice(('0', '', '19000', '-1'))}:0:{dice.choice(('', '30'))}::::")
        for name, lines in zip(("passwd", "group", "shadow"), kept):
            Path("/etc", name).write_text("\n".join(lines) + "\n")
        return [f"r{number}" for number in range(count)]

    def policies(self, dice, users):
        for path in self.conf.iterdir():
            path.unlink()
        names = [*users, "bare", "alice", "@g0", "@g1", "@none", "default", "nobody"]
        for name in dice.sample(names, dice.randrange(len(names))):
            self.policy(name, dice.choice(POLICIES)).chmod(dice.choice((0o644, 0o644, 0o600, 0o666)))

    def ask(self, *words):
        done = call([ctl(), "pam", *words], env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        if "Sanitizer" in done.err or "runtime error" in done.err or done.status not in (0, 1, 2):
            self.fail(f"{words}: status {done.status}\n{done.err[:3000]}")
        self.assertNotIn("runtime error", done.err)
        if "--json" in words and done.status < 2:
            json.loads(done.out)
        return done.status

    def test_any_machine_is_answered(self):
        seed = SEED or random.randrange(1, 1 << 32)
        dice = random.Random(seed)
        end = time.monotonic() + max(SECONDS, SOAK_SECONDS)
        answers = set()
        rounds = 0
        text = {path: path.read_bytes() for path in STACKS.iterdir() if path.is_file()}
        with self.subTest(seed=seed):
            while time.monotonic() < end:
                for path, data in text.items():
                    path.write_bytes(data)
                users = self.users(dice)
                self.policies(dice, users)
                self.stacks(dice)
                self.sshd("\n".join(dice.sample(SETTINGS, dice.randrange(4))) + "\n")
                conf = ("--conf", self.conf)
                answers |= {self.ask(*conf), self.ask(*conf, "--json"), self.ask("--uses"),
                            self.ask(*conf, "--json", *dice.sample(users, len(users) // 2))}
                rounds += 1
        self.assertGreater(rounds, 3)
        self.assertLessEqual({0, 1}, answers)
