# SPDX-License-Identifier: BSD-3-Clause
"""Throw-away users: how they log in, what they run, which processes are theirs."""
import itertools
import json
import os
import pwd
import re
import signal
import subprocess
from pathlib import Path

from commands import PYTHON, call, eventually


SSH_OPTIONS = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
               "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes")
PLAIN_PORT, PAM_PORT = 2201, 2202  # sshd without and with UsePAM


def _uids():
    """Of this machine alone: the kernel counts the processes of a uid in all of them together, for
    RLIMIT_NPROC."""
    machine = os.stat("/proc/self/ns/pid").st_ino
    yield from itertools.count(20001 + 100 * (machine % 400))


UIDS = _uids()

# What a probe inside a session may use; each answer is "ok" or the name of the errno.
PROBE = """
import errno, json, os, signal, socket, subprocess, sys, time
def attempt(call, *words):
    try:
        call(*words)
        return "ok"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
def tcp(host, port, family=None):
    family = family or (socket.AF_INET6 if ":" in host else socket.AF_INET)
    with socket.socket(family) as s:
        s.settimeout(10)
        return attempt(s.connect, (host, port))
def unix(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as s:
        return attempt(s.connect, path)
def answer(value):
    print(json.dumps(value))
"""


class Account:
    """A throw-away user; `shell` is the login shell."""

    def __init__(self, name, shell, key):
        subprocess.run(["useradd", "-m", "-k", "/nonexistent", "-s", str(shell), "-p", "*",
                        "-u", str(next(UIDS)), name], check=True, capture_output=True)
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid = name, entry.pw_uid, entry.pw_gid
        self.home, self.shell, self.key = Path(entry.pw_dir), str(shell), key
        self.write(".bash_profile", ". ~/.bashrc\n")
        self.write(".bashrc", "case $- in *i*) PS1='ready> '; HISTFILE=;; esac\n")
        self.write(".screenrc", "startup_message off\n")
        if key:
            self.write(".ssh/id_ed25519", key.read_text(), 0o600)
            self.write(".ssh/authorized_keys", key.with_suffix(".pub").read_text(), 0o600)
            self.write(".ssh/config", "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
                                      "LogLevel ERROR\n", 0o600)
            self.write(".gitconfig", f"[user]\nname = {name}\nemail = {name}@test\n"
                                     "[init]\ndefaultBranch = main\n")

    def write(self, name, text, mode=0o644):
        path = self.home / name
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            os.chown(path.parent, self.uid, self.gid)
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, self.uid, self.gid)
        return path

    def password(self, text):
        subprocess.run(["chpasswd", "-c", "SHA512"], input=f"{self.name}:{text}\n", text=True,
                       check=True)

    def run(self, argv, **options):
        """A process of this user that no login shell has started: it is not confined."""
        options = {"cwd": self.home, "env": {**os.environ, "HOME": str(self.home)}, **options}
        return call(argv, user=self.uid, group=self.gid, extra_groups=[], **options)

    def su(self, command, **options):
        """A login by su, the fastest way in; `command` is read by the login shell."""
        return call(["su", "-", self.name, "-c", command], **options)

    def python(self, source, **options):
        """What `source` prints, as JSON, run in a login; a failure there is one here."""
        done = self.su(f"exec {PYTHON} -", stdin=PROBE + source, **options)
        if done.status != 0 or done.err:
            raise AssertionError(f"status {done.status}: {done.err}")
        return json.loads(done.out)

    def ssh_argv(self, *words, port=None, tty=False):
        return ["ssh", *SSH_OPTIONS, "-i", str(self.key), "-p", str(port or PLAIN_PORT),
                *(["-tt"] if tty else []), f"{self.name}@127.0.0.1", *words]

    def ssh(self, *words, port=None, **options):
        return call(self.ssh_argv(*words, port=port), **options)

    def processes(self, program=None):
        """The numbers of this user's processes, of those that run `program` where it is named."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                status = (entry / "status").read_text() if entry.name.isdigit() else ""
                uid = re.search(r"^Uid:\s+(\d+)", status, re.M)
                alive = uid and int(uid.group(1)) == self.uid and "State:\tZ" not in status
                if alive and program in (None, Path(os.readlink(entry / "exe")).name):
                    found.append(int(entry.name))
            except OSError:
                pass
        return found

    def foreground(self, program):
        """True once `program` sleeps in the foreground of its terminal: now a key may be pressed."""
        for pid in self.processes(program):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text()
            except OSError:
                continue
            state, _, group, _, _, terminal_group = stat.rpartition(")")[2].split()[:6]
            if state == "S" and group == terminal_group:
                return True
        return False

    def end_processes(self):
        def ended():
            for pid in (left := self.processes()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not left
        eventually(ended, f"processes of {self.name} end")


def become(name):
    """This process, all its threads, is the user from here on."""
    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ["HOME"] = entry.pw_dir
    os.chdir(entry.pw_dir)
