# SPDX-License-Identifier: BSD-3-Clause
"""Who is measured: the bare shell, a session, and what people would use instead.

Called by bench.py and measurements.py, on the private machine. A contender that is not installed has no
number; one that is must do the work like any other.
"""
import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager, nullcontext
from pathlib import Path

from commands import call, eventually
from stage import PREFIX, STAGE

BARE, SESSION = "bare", "session"
SHELL = "/bin/bash"

# What a confined login may reach here, as each of them writes it.
OPEN, SHUT, HTTP, CLOSED, HOLE, REDIS, OWN, GIT = *range(7001, 7008), 9418
SOCKETS = "/run/bench"

PORTS = ",".join(map(str, (OPEN, HTTP, CLOSED, HOLE, OWN, GIT)))
BINDS = f"{REDIS},{OWN}"
POLICY = f"""[policy]
include = system
[network]
net_allow = 127.0.0.1:{PORTS}
net_bind = {BINDS}
unix_allow = own {SOCKETS}/*
{{more}}
[filesystem]
read = /opt
exec = /opt %h
write = %h
"""
EVERYDAY = POLICY.format(more="")
DATAGRAMS = POLICY.format(more="allow_udp = yes")
STREAMS_ONLY = POLICY.format(more="unix_dgram = no")


class Contender:
    """`words` stand before a command line of the shell; `account` is who runs it."""

    def __init__(self, label, account, words, program=None, version=()):
        self.label, self.account, self.words = label, account, [str(word) for word in words]
        self.program = shutil.which(program) if program else words[0]
        self.version = version

    def installed(self):
        return self.program is not None and os.path.exists(self.program)

    def argv(self, command):
        return [*self.words, command]

    def files(self):
        """Its programs, the shell, and the libraries of both."""
        programs = [SHELL, self.program, *Path(PREFIX / "libexec/sandlock").iterdir()]
        if self.label != SESSION:
            programs = programs[:2]
        libraries = [word for program in programs for word in call(["ldd", program]).out.split()
                     if word.startswith("/")]
        return sorted({str(path) for path in (*programs, *libraries)})

    def said_version(self):
        """The first line with a number in it, of the program itself."""
        if not self.version or not self.installed():
            return ""
        done = call([self.program, *self.version])
        return next((line.strip() for line in (done.out + done.err).splitlines()
                     if re.search(r"\d\.\d", line)), "")


def contenders(prefix):
    bare, confined = STAGE.bare, STAGE.confined
    crate = prefix / "bench/sandlock"
    home = str(bare.home)
    bash = (SHELL, "-c")
    return [
        Contender(BARE, bare, bash),
        Contender(SESSION, confined, (prefix / "bin/sandlock-shell", "-c")),
        Contender("bubblewrap", bare,
                  ("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
                   "--bind", home, home, "--unshare-all", "--share-net", "--die-with-parent",
                   "--", *bash), "bwrap", ("--version",)),
        Contender("firejail --noprofile", bare, ("firejail", "--quiet", "--noprofile", "--", *bash),
                  "firejail", ("--version",)),
        Contender("firejail", bare, ("firejail", "--quiet", "--", *bash), "firejail"),
        Contender("sandlock crate", bare,
                  (crate, "run", "-r", "/", "-w", home, "-w", "/dev", "-w", "/tmp", "-w", SOCKETS,
                   "--net-allow", f"127.0.0.1:{PORTS}", "--net-allow", f"udp://127.0.0.1:{OWN}",
                   "--net-allow-bind", BINDS, "--", *bash), str(crate), ("--version",)),
    ]


class Stalls(Exception):
    """It did not end in time."""


class Failed(Exception):
    """It did not do the work; the text says how."""


def _children():
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            table.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    return table


def trees(roots):
    """The numbers of these processes and of all below them."""
    table, found = _children(), []
    pending = list(roots)
    while pending:
        pid = pending.pop()
        found.append(pid)
        pending += table.get(pid, [])
    return found


def program_of(pid):
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:
        return ""


def start(account, argv, **options):
    # Where no kernel thread is in sight, firejail confines only if it is told that this is meant.
    environment = {**os.environ, "HOME": str(account.home), "USER": account.name,
                   "LOGNAME": account.name, "SHELL": SHELL, "container": "lxc"}
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               **options}
    return subprocess.Popen(argv, user=account.uid, group=account.gid, extra_groups=[],
                            start_new_session=True, cwd=account.home, env=environment, text=True, **options)


@contextmanager
def undisturbed(processors):
    """What is started here runs on these processors, before all else that the machine does."""
    os.sched_setaffinity(0, processors)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, range(os.cpu_count()))


def end(jobs):
    """The jobs and all that they started are gone afterwards."""
    pids = trees(job.pid for job in jobs)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for job in jobs:
        job.communicate()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids),
               "processes end", 30)


def run(contender, command, seconds=20, status=0, pinned=False):
    """What the command printed, through the contender."""
    with undisturbed({0}) if pinned else nullcontext():
        job = start(contender.account, contender.argv(command))
    try:
        out, err = job.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Stalls(f"not within {seconds} s") from None
    finally:
        end([job])
    if job.returncode != status:
        raise Failed(f"{contender.label}: {command}: status {job.returncode}, {err.strip()}")
    return out


def prove(everyone):
    """Fails where one of them is not confined: it has neither a filter nor mounts of its own."""
    shown = {contender.label: run(contender, "grep ^Seccomp: /proc/self/status; "
                                             "readlink /proc/self/ns/mnt")
             for contender in everyone if contender.installed()}
    for label, text in shown.items():
        if label != BARE and text == shown[BARE]:
            raise Failed(f"{label} confines nothing")
