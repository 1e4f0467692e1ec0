# SPDX-License-Identifier: BSD-3-Clause
"""What every test of a suite shares: the installation, the log, two users, two servers of sshd.

As root all of it lives on a private machine (machine.py); without root only the live tests run, on
the machine as it is.
"""
import os
import subprocess
import tempfile
from pathlib import Path

from accounts import PAM_PORT, PLAIN_PORT, Account, become
from commands import eventually
from listeners import connect_ex
from machine import PUBLIC
from system_log import Log

PREFIX = Path(os.environ.get("TEST_PREFIX", "/opt/sandlock-test"))
# Read now: on the private machine the sources may be out of sight.
SERVICE_USER = (Path(__file__).parent.parent / "packaging/service-user").read_text()
SSHD = Path("/usr/sbin/sshd")
SSHD_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
ListenAddress {public}
HostKey {key}
PidFile none
UsePAM {pam}
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv LD_* GLIBC_TUNABLES
MaxStartups 1000
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
{penalties}
{more}
"""
# Since OpenSSH 9.8 refused logins have sshd close the next connections of their address.
PENALTIES = ("PerSourcePenalties no"
             if SSHD.exists() and b"persourcepenalties" in SSHD.read_bytes() else "")


class Stage:
    """What every test of a suite shares; it ends with the private machine."""

    def __init__(self):
        self.shell = self.policies = self.directory = self.key = None
        self.log = self.bare = self.confined = None

    def open(self, suite):
        self.log = Log()
        if suite == "live":
            Account("live", "/bin/bash", None)
            become("live")
            return
        self.shell = PREFIX / "bin/sandlock-shell"
        self.policies = PREFIX / "etc/sandlock/policy.d"
        self.prepare()
        self.bare = Account("bare", "/bin/bash", self.key)
        self.confined = Account("alice", self.shell, self.key)
        self.sshd(PLAIN_PORT, "no")
        self.sshd(PAM_PORT, "yes")

    def prepare(self):
        """What is there before anybody is: the service user, a key, room for files."""
        self.directory = Path(tempfile.mkdtemp(prefix="sandlock-stage."))
        self.directory.chmod(0o755)
        self.key = self.directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        subprocess.run(["sh", "-s", "add"], input=SERVICE_USER, text=True, check=True)

    def sshd(self, port, pam, more=""):
        """A server; `more` are lines of its configuration."""
        config = self.directory / f"sshd-{port}.conf"
        config.write_text(SSHD_CONFIG.format(port=port, pam=pam, key=self.key, public=PUBLIC,
                                             penalties=PENALTIES, more=more))
        with open(self.directory / f"sshd-{port}.log", "wb") as log:
            # pylint: disable-next=consider-using-with
            server = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stderr=log,
                                      stdin=subprocess.DEVNULL, stdout=log)
        eventually(lambda: not connect_ex(("127.0.0.1", port)), f"sshd listens on {port}")
        return server

    def policy(self, text, name="alice"):
        """Writes the policy of `name`; None: there is none."""
        path = self.policies / f"{name}.conf"
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text)
        return path


STAGE = Stage()


def ctl():
    return PREFIX / "bin/sandlockctl"


def probe_program(name):
    """The program, or the library, of root/probes/`name`.c."""
    return PREFIX / "probes" / name
