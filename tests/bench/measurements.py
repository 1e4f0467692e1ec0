# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: one row each, with its target.

Called by bench.py on the private machine. A measurement is one number of one contender in one
round; whoever did not do the work raises Failed.
"""
import os
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path

from commands import call, eventually
from contenders import (BARE, CLOSED, DATAGRAMS, EVERYDAY, GIT, HOLE, HTTP, OPEN, OWN, REDIS,
                        SESSION, SHUT, SOCKETS, STREAMS_ONLY, Failed, end, program_of, run, start,
                        trees, undisturbed)
from listeners import connect_ex
from stage import STAGE

DONE = 42  # the status by which a command says that it ran to its end
MANY_FILES = 500
REQUESTS = 100000
SOURCES = 24


def only_number(text):
    return float(text.split()[0])


class Server:
    """tests/bench/server.c: what the probes connect to."""

    def __init__(self, programs):
        Path(SOCKETS).mkdir(mode=0o755)
        self.path = f"{SOCKETS}/server"
        self.job = subprocess.Popen([programs / "server", self.path, str(OPEN), str(SHUT),
                                     str(HTTP)], text=True, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
        # Its work is not to fall into a connect that wakes it, now and then.
        os.sched_setscheduler(self.job.pid, os.SCHED_BATCH, os.sched_param(0))
        eventually(lambda: not connect_ex(("127.0.0.1", HTTP)), "the server")
        self.counts()

    def counts(self):
        """Connections since the last call: unix, open port, shut port, HTTP."""
        try:
            self.job.stdin.write("\n")
            self.job.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"the server ended with status {self.job.wait()}") from None
        return [int(word) for word in self.job.stdout.readline().split()]

    def pin(self, pinned):
        os.sched_setaffinity(self.job.pid, {0} if pinned else range(os.cpu_count()))

    def expect(self, what, **arrived):
        expected = {"unix": 0, "open": 0, "shut": 0, "http": 0, **arrived}
        seen = dict.fromkeys(expected, 0)
        # The last ones may still be on their way through the kernel.
        end_of_patience = time.monotonic() + 2
        while True:
            for name, count in zip(seen, self.counts()):
                seen[name] += count
            if seen == expected:
                return
            if time.monotonic() > end_of_patience:
                raise Failed(f"{what}: the server saw {seen}, expected {expected}")
            time.sleep(0.01)


def black_hole():
    """A listener whose queue is full: a connect to it waits. The sockets, to be kept."""
    sockets = [socket.socket() for _ in range(5)]
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sockets[0].bind(("127.0.0.1", HOLE))
    sockets[0].listen(0)
    for filler in sockets[1:]:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", HOLE))
    return sockets


class Place:
    """What all rows share on the private machine."""

    def __init__(self, prefix):
        self.programs = prefix / "bench"
        self.server = Server(self.programs)
        self.hole = black_hole()
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Row:
    """`target` is (what of: "ratio", "added" or "value", at most or at least so much)."""

    absent = ()  # contenders for whom the row means nothing
    rounds = 9

    def __init__(self, name, unit, policy=EVERYDAY, target=None):
        self.name, self.unit, self.policy, self.target = name, unit, policy, target
        self.place = None

    def open(self, place, contenders):
        self.place = place

    def close(self):
        pass

    def measure(self, contender):
        raise NotImplementedError

    def base(self, contender):
        """What its ratio is to; None: what the bare shell had in the same round."""


# One call, and many ------------------------------------------------------------------------------

class Probe(Row):
    """tests/bench/probe.c, told `work` and words for it.

    Pinned: program, supervisor and server share one processor, and the first two go before all
    else. Left to the scheduler they do so at times only, and the rest is the price of waking
    another processor.
    """

    def __init__(self, name, unit, work, count, arrives=None, **options):
        self.words = options.pop("words", {})
        self.pinned = options.pop("pinned", True)
        super().__init__(name, unit, **options)
        self.work, self.count, self.arrives = work, count, arrives

    def open(self, place, contenders):
        super().open(place, contenders)
        place.server.pin(self.pinned)

    def probe(self, contender, work, arrives, port):
        words = " ".join(f"{key}={value}" for key, value in {"port": port, **self.words}.items())
        self.place.server.counts()
        out = run(contender, f"exec {self.place.programs}/probe {work} {self.count} {words}",
                  pinned=self.pinned)
        value, arrivals = out.split()
        expected = {arrives: int(arrivals)} if arrives else {}
        self.place.server.expect(f"{contender.label}: {self.name}", **expected)
        return float(value)

    def measure(self, contender):
        return self.probe(contender, self.work, self.arrives, OPEN)


class Closed(Probe):
    def measure(self, contender):
        return self.probe(contender, self.work, None, CLOSED)


class Refused(Probe):
    """A live server that the policy does not name; the ratio is to an allowed connect."""

    absent = (BARE, "bubblewrap", "firejail", "firejail --noprofile")

    def measure(self, contender):
        return self.probe(contender, self.work, None, SHUT)

    def base(self, contender):
        return self.probe(contender, "connect", "open", OPEN)


class Messages(Probe):
    """To the program's own other socket; nothing reaches the server."""

    def measure(self, contender):
        return self.probe(contender, self.work, None, OWN)


# Starts ------------------------------------------------------------------------------------------

class Start(Row):
    def __init__(self, name, unit, count, **options):
        super().__init__(name, unit, **options)
        self.count = count

    def timed(self, contender, argv, *options):
        with undisturbed(range(os.cpu_count())):
            done = start(contender.account, [self.place.programs / "start", str(self.count),
                                             *options, "--", *argv])
        out, err = done.communicate(timeout=60)
        if done.returncode:
            raise Failed(f"{contender.label}: {err.strip()}")
        return only_number(out)

    def measure(self, contender):
        return self.timed(contender, contender.argv(f"exit {DONE}"))


class Cold(Start):
    """Programs and libraries that nobody else uses are read from the disk."""

    def measure(self, contender):
        return self.timed(contender, contender.argv(f"exit {DONE}"), "--cold", *contender.files())


class Ssh(Start):
    """The way over a connection that is already there; each contender is a login shell.

    firejail loses the command's status there, so that nothing shows that it ran.
    """

    absent = ("firejail", "firejail --noprofile")

    ROUTE = "route replace local 127.0.0.0/8 dev lo table local src 127.0.0.1"

    def open(self, place, contenders):
        super().open(place, contenders)
        # A delayed acknowledgement would add 40 or 200 ms here and there.
        subprocess.run(["ip", *self.ROUTE.split(), "quickack", "1"], check=True)
        self.masters, self.argvs = [], {}
        for number, contender in enumerate(contenders):
            account = contender.account
            if contender.label not in (BARE, SESSION):
                shell = Path(f"/opt/login-{number}")
                words = " ".join(f"'{word}'" for word in contender.words[:-1])
                shell.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
                shell.chmod(0o755)
                subprocess.run(["usermod", "-s", shell, account.name], check=True)
            # Who logs in keeps the shell that is set now.
            self.argvs[contender.label] = self._connect(account, number)
        subprocess.run(["usermod", "-s", STAGE.bare.shell, STAGE.bare.name],
                       check=True)

    def _connect(self, account, number):
        control = STAGE.directory / f"control-{number}"
        argv = account.ssh_argv()
        self.masters.append(subprocess.Popen([*argv[:1], "-M", "-N", "-S", control, *argv[1:]],
                                             stdin=subprocess.DEVNULL))
        eventually(control.exists, "a control master")
        # Without its master it must fail, and not connect anew.
        return [*argv[:1], "-S", str(control), "-o", "ProxyCommand=false", *argv[1:],
                f"exit {DONE}"]

    def close(self):
        end(self.masters)
        subprocess.run(["ip", *self.ROUTE.split()], check=True)

    def measure(self, contender):
        done = call([self.place.programs / "start", self.count, "--",
                     *self.argvs[contender.label]])
        if done.status:
            raise Failed(f"{contender.label}: {done.err.strip()}")
        return only_number(done.out)


# Memory ------------------------------------------------------------------------------------------

def pss(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise Failed(f"no Pss of {pid}")


class Memory(Row):
    """What the contender's own processes hold, a session: `only` names one program of them."""

    absent = (BARE,)
    rounds = 1

    def __init__(self, name, count, only=None, absent=(), **options):
        super().__init__(name, "KiB", **options)
        self.count, self.only, self.absent = count, only, (BARE, *absent)

    def measure(self, contender):
        jobs = [start(contender.account, contender.argv("exec sleep 1000"),
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for _ in range(self.count)]
        try:
            eventually(lambda: self._sleeping(jobs) == self.count,
                       f"{self.count} of {contender.label}", 60)
            time.sleep(0.2)
            return sum(pss(pid) for pid in trees(job.pid for job in jobs)
                       if self._counts(program_of(pid))) / self.count
        finally:
            end(jobs)

    @staticmethod
    def _sleeping(jobs):
        return sum(program_of(pid) == "sleep" for pid in trees(job.pid for job in jobs))

    def _counts(self, program):
        return program == self.only if self.only else program != "sleep"


# Many sessions -----------------------------------------------------------------------------------

class Crowd(Row):
    """`count` logins wait, `active` of them work at the same time."""

    absent = ("bubblewrap", "firejail", "firejail --noprofile", "sandlock crate")
    SECONDS = 1
    SAMPLES = 100000

    def __init__(self, name, unit, work, count, active, **options):
        super().__init__(name, unit, **options)
        self.work, self.count, self.active = work, count, active

    def open(self, place, contenders):
        super().open(place, contenders)
        place.server.pin(False)
        self.jobs = {}
        for contender in contenders:
            command = (f"exec {place.programs}/probe {self.work} {self.SAMPLES} port={OPEN} "
                       f"gated={self.SECONDS * 1000}")
            self.jobs[contender.label] = jobs = [
                start(contender.account, contender.argv(command), stdin=subprocess.PIPE)
                for _ in range(self.count)]
            for job in jobs:
                if not job.stdout.readline():
                    raise Failed(f"{contender.label}: {job.stderr.read().strip()}")

    def close(self):
        for jobs in self.jobs.values():
            end(jobs)

    def measure(self, contender):
        self.place.server.counts()
        jobs = self.jobs[contender.label][::self.count // self.active][:self.active]
        for job in jobs:
            job.stdin.write("\n")
            job.stdin.flush()
        lines = [job.stdout.readline().split() for job in jobs]
        done = sum(int(arrivals) for _, arrivals in lines)
        self.place.server.expect(f"{contender.label}: {self.name}", open=done)
        if self.unit == "/s":
            return done / self.SECONDS
        return sum(float(value) for value, _ in lines) / len(lines)


class Match(Row):
    """Of the library, so only of ours; the ratio is to ten rules. Every answer is a hit."""

    absent = (BARE, "bubblewrap", "firejail", "firejail --noprofile", "sandlock crate")

    def __init__(self, kind, count, **options):
        super().__init__(f"one decision, {count} rules, {kind}", "ns", **options)
        self.kind, self.count = kind, count

    def matched(self, count):
        done = call([self.place.programs / "match", self.kind, count])
        lines = [line.split() for line in done.out.splitlines()]
        if done.status or [line[3] for line in lines] != ["hit", "miss"]:
            raise Failed(f"match: {done.out}{done.err}")
        return float(lines[0][5])

    def measure(self, contender):
        return self.matched(self.count)

    def base(self, contender):
        return self.matched(10)


# Whole programs ----------------------------------------------------------------------------------

def cpu_ns(pids):
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total


class Redis(Row):
    """Processor time of the server and of all that the contender runs for it, a request."""

    rounds = 9
    SERVER, CLIENT = "0", str(os.cpu_count() - 1)  # their processors

    def measure(self, contender):
        job = start(contender.account, ["taskset", "-c", self.SERVER] + contender.argv(
            f"exec redis-server --port {REDIS} --bind 127.0.0.1 --save '' --appendonly no"),
            stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: not connect_ex(("127.0.0.1", REDIS)),
                       f"redis of {contender.label}")
            pids = trees([job.pid])
            before = cpu_ns(pids)
            done = call(["taskset", "-c", self.CLIENT, "redis-benchmark", "-p", REDIS,
                         "-t", "get", "-c", 20, "-n", REQUESTS, "-q"])
            spent = cpu_ns(pids) - before
            info = call(["redis-cli", "-p", REDIS, "info", "stats"])
        finally:
            end([job])
        commands = int(info.out.split("total_commands_processed:")[1].split()[0])
        if done.status or commands < REQUESTS:
            raise Failed(f"{contender.label}: redis served {commands} commands, {done.err}")
        return spent / REQUESTS


class Timed(Row):
    """Wall-clock time of one command line, start of the contender included."""

    rounds = 7
    command = ""

    def measure(self, contender):
        self.prepare(contender)
        begin = time.monotonic_ns()
        out = run(contender, self.command, status=DONE)
        spent = time.monotonic_ns() - begin
        self.check(contender, out)
        return spent

    def prepare(self, contender):
        pass

    def check(self, contender, out):
        pass


class Curl(Timed):
    command = (f"curl -s -o /dev/null -w '%{{http_code}}\\n' "
               f"'http://127.0.0.1:{HTTP}/file[1-{MANY_FILES}]' && exit {DONE}")

    def open(self, place, contenders):
        super().open(place, contenders)
        place.server.pin(False)

    def prepare(self, contender):
        self.place.server.counts()

    def check(self, contender, out):
        if out.split() != ["200"] * MANY_FILES:
            raise Failed(f"{contender.label}: curl got {out[:80]!r}")
        self.place.server.expect(f"{contender.label}: curl", http=MANY_FILES)


def project_make(directory):
    """A small C project: so many sources that include what a program includes, and a Makefile."""
    directory.mkdir()
    headers = "".join(f"#include <{name}.h>\n" for name in ("stdio", "stdlib", "string", "errno"))
    for number in range(SOURCES):
        body = "".join(f"int f{number}_{i}(int x)\n{{\n\treturn x * {i} + (x ? f{number}_{i - 1}"
                       f"(x - 1) : {number});\n}}\n" if i else
                       f"int f{number}_0(int x)\n{{\n\treturn x + {number};\n}}\n"
                       for i in range(20))
        (directory / f"part{number}.c").write_text(headers + body)
    (directory / "main.c").write_text(f"int main(void)\n{{\n\treturn {DONE};\n}}\n")
    names = " ".join(f"part{number}.o" for number in range(SOURCES))
    (directory / "Makefile").write_text(
        f"program: main.o {names}\n\t$(CC) -o $@ $^\nclean:\n\trm -f program *.o\n")


class Make(Timed):
    command = "cd project && make -s clean && make -s -j CFLAGS=-O1 && ./program"

    def open(self, place, contenders):
        super().open(place, contenders)
        for account in {contender.account for contender in contenders}:
            project_make(account.home / "project")
            subprocess.run(["chown", "-R", f"{account.uid}:{account.gid}",
                            account.home / "project"], check=True)


class Clone(Timed):
    command = f"git clone -q git://127.0.0.1/project copy && test -f copy/part0.c && exit {DONE}"

    def open(self, place, contenders):
        super().open(place, contenders)
        self.directory = STAGE.directory / "git"
        self.directory.mkdir()
        project_make(self.directory / "project")
        git = ["git", "-C", self.directory / "project", "-c", "user.name=b", "-c", "user.email=b@b"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
            subprocess.run([*git, *words], check=True)
        self.daemon = subprocess.Popen(["/usr/lib/git-core/git-daemon", "--export-all",
                                        f"--base-path={self.directory}", "--listen=127.0.0.1",
                                        self.directory / "project"], stderr=subprocess.DEVNULL)
        eventually(lambda: not connect_ex(("127.0.0.1", GIT)), "git daemon")

    def prepare(self, contender):
        shutil.rmtree(contender.account.home / "copy", ignore_errors=True)

    def close(self):
        end([self.daemon])


# The table ---------------------------------------------------------------------------------------

def rows():
    ratio, added, value = ("ratio", "added", "value")
    kib = 65536
    return [
        Probe("getppid", "ns", "getppid", 200, target=(added, 75)),
        Probe("read of 1 byte", "ns", "read", 200, target=(added, 75)),
        Probe("openat", "ns", "openat", 100),
        Probe("connect, blocking", "us", "connect", 400, "open", target=(ratio, 2.7)),
        Probe("connect, non-blocking", "us", "connect-nonblock", 400, "open", target=(ratio, 2.2)),
        Probe("connect, blocking, not pinned", "us", "connect", 400, "open", pinned=False),
        Probe("connect, otherwise idle, not pinned", "us", "connect-idle", 150, "open",
              pinned=False, target=(ratio, 4)),
        Closed("connect, closed port", "us", "connect-closed", 400),
        Refused("connect, refused by policy", "us", "connect-refused", 400, target=(ratio, 1.5)),
        Probe("socket+connect+close, 1 process", "us", "cycle", 1000, "open",
              words={"processes": 1}, target=(ratio, 1.9)),
        Probe("socket+connect+close, 10 processes, not pinned", "us", "cycle", 200, "open",
              words={"processes": 10}, pinned=False),
        Probe("socket+connect+close, 100 processes, not pinned", "us", "cycle", 30, "open",
              words={"processes": 100}, pinned=False),
        *(Probe(f"connect, {count} others black-holed", "us", "connect", 200, "open",
                words={"hanging": count, "hole": HOLE},
                target=(ratio, 3) if count == 100 else None) for count in (1, 10, 100)),
        Messages("UDP send, connected", "us", "udp-connected", 2000, policy=DATAGRAMS,
                 target=(ratio, 1.06)),
        Messages("UDP sendto", "us", "udp-sendto", 2000, policy=DATAGRAMS),
        Probe("unix connect", "us", "unix-connect", 400, "unix",
              words={"path": f"{SOCKETS}/server"}),
        *(Messages(f"{kind} sendmsg, {size} B, {how}", "us", f"{kind}-sendmsg", 1000,
                   words={"size": size}, policy=policy,
                   target=(ratio, 1.05) if policy is STREAMS_ONLY else None)
          for kind in ("unix", "tcp") for size in (1, kib)
          for how, policy in (("trapped", DATAGRAMS), ("not trapped", STREAMS_ONLY))),
        Start("start of SHELL -c true, warm", "ms", 20, target=(added, 1.2)),
        Cold("start of SHELL -c true, cold", "ms", 3),
        Ssh("ssh host true, control master", "ms", 10),
        Memory("memory a session, 1 session", 1),
        Memory("memory a session, 100 sessions", 100, target=(value, 80)),
        Memory("memory of the supervisor, 100 sessions", 100, "sandlock-supervisor",
               ("bubblewrap", "firejail", "firejail --noprofile", "sandlock crate")),
        Memory("memory a session, 1000 sessions", 1000, None,
               ("bubblewrap", "firejail", "firejail --noprofile", "sandlock crate")),
        Crowd("connect, 1 of 1000 sessions active", "us", "connect", 1000, 1),
        Crowd("connects, 100 of 1000 sessions active", "/s", "connect", 1000, 100,
              target=(value, 20000)),
        *(Match(kind, count, target=(value, 100))
          for kind in ("addresses", "mixed") for count in (10, 1000, 100000)),
        Redis("redis, processor time a request", "us", target=(ratio, 1.03)),
        Curl(f"curl of {MANY_FILES} small files", "ms"),
        Clone("git clone", "ms"),
        Make("make -j of a small C project", "ms"),
    ]
