# SPDX-License-Identifier: BSD-3-Clause
"""The programs that open PAM sessions in their own process, each as `opener(account).run(command)`.

Called by the test_pam_* modules. All are the machine's own, but for the service that nobody knows
(probes/pam_caller.c), whose stack is /etc/pam.d/other.
"""
import os
import signal
import subprocess
from pathlib import Path

from commands import Done, call, eventually
from stage import STAGE, probe_program
from terminals import Terminal

REBOOT = Path("/run/crond.reboot")  # cron's own mark that its @reboot jobs are done


class Opener:
    """`services` are the stacks by which `run` logs in; `run` returns what the command did."""

    services = ()

    def __init__(self, account):
        self.account = account

    def argv(self, command):
        """The words of the program for a command of a shell."""
        raise NotImplementedError

    def run(self, command, **options):
        return call(self.argv(command), **options)

    def refused(self, command, line):
        """The same, where nobody gets in: the log holds `line`, and what was started has ended."""
        done = self.run(command)
        STAGE.log.wait(line)
        if done.status == 0:
            raise AssertionError(f"refused, but {done}")


def opener(name, service, words, command=("-c",)):
    """The class of an opener: `words` start a shell of USER, with `command` one that runs what
    follows."""
    def shell(self):
        return [self.account.name if word == "USER" else word for word in words]

    def argv(self, text):
        return [*shell(self), *command, text]
    return type(name, (Opener,), {"services": (service,), "shell": shell, "argv": argv})


Su = opener("Su", "su", ("su", "USER"))
SuLogin = opener("SuLogin", "su-l", ("su", "-l", "USER"))
SuPty = opener("SuPty", "su", ("su", "--pty", "USER"))
Runuser = opener("Runuser", "runuser", ("runuser", "USER"))
RunuserUser = opener("RunuserUser", "runuser", ("runuser", "-u", "USER", "--", "bash"))
RunuserLogin = opener("RunuserLogin", "runuser-l", ("runuser", "-l", "USER"))
Sudo = opener("Sudo", "sudo", ("sudo", "-u", "USER", "bash"))
SudoLogin = opener("SudoLogin", "sudo-i", ("sudo", "-i", "-u", "USER"), ("bash", "-c"))


class Unknown(Opener):
    services = ("other",)

    def argv(self, command):
        return [probe_program("pam_caller"), "nobody-knows-it", self.account.name, "run", command]


class Job(Opener):
    """What the command writes is written to files."""

    def start(self, script, end):
        """Has `script` run; returns `end()`."""
        raise NotImplementedError

    def run(self, command, **_):
        return self.start(_script(self.account, command), lambda: _result(self.account))

    def refused(self, command, line):
        self.start(_script(self.account, command), lambda: STAGE.log.wait(line))
        eventually(lambda: not self.account.processes(), "nothing runs")


class Login(Job):
    """login(1) on a terminal."""

    services = ("login",)

    def shell(self):
        return ["login", "-f", self.account.name]

    def start(self, script, end):
        with Terminal(self.shell()) as terminal:
            try:
                terminal.expect("ready> ")  # what is typed earlier may be lost
                terminal.send(f". {script}\r")
            except AssertionError:
                pass  # refused
            terminal.wait()
        return end()


class Cron(Job):
    """A job of Debian's cron, due as soon as cron starts."""

    services = ("cron",)

    def start(self, script, end):
        call(["crontab", "-u", self.account.name, "-"], stdin=f"@reboot bash {script}\n")
        with cron():
            return end()


class At(Job):
    services = ("atd",)

    def start(self, script, end):
        with daemon("atd", "-f") as atd:
            eventually(Path("/run/atd.pid").exists, "atd is there")
            # Not yet due when atd has looked: it is told by at itself.
            self.account.run(["at", "now"], stdin=f"bash {script}\n")
            result = end()
            # What it does as root when the job has ended belongs to the job.
            children = Path(f"/proc/{atd.process.pid}/task/{atd.process.pid}/children")
            eventually(lambda: not children.read_text(), "atd has done with the job")
            return result


DIRECT = (Su, SuLogin, SuPty, Runuser, RunuserUser, RunuserLogin, Sudo, SudoLogin, Unknown)
ALL = DIRECT + (Login, Cron, At)


def _script(account, command):
    for name in ("out", "err", "status"):
        (account.home / name).unlink(missing_ok=True)
    return account.write("script", f"({command}\n) >~/out 2>~/err; echo $? >~/new; "
                                   "mv ~/new ~/status; exit\n")


def _result(account):
    status = account.home / "status"
    eventually(lambda: status.exists() and status.read_text().strip(), "the job ends")
    return Done(int(status.read_text()), *((account.home / name).read_text()
                                           for name in ("out", "err")))


class daemon:
    """A daemon of the machine, in the foreground, while the block runs."""

    def __init__(self, *argv):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """atd misses a signal that comes before it sleeps: it is told again."""
        while True:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(2)
                return
            except subprocess.TimeoutExpired:
                pass


def cron():
    """Cron, on a machine that was just started."""
    REBOOT.unlink(missing_ok=True)
    Path("/run/crond.pid").unlink(missing_ok=True)
    return daemon("cron", "-f")


def keepers(name="sandlock-"):
    """The numbers of the processes that keep sessions, of those whose name begins so."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith(name):
                found.append(int(path.parent.name))
        except OSError:
            pass  # gone
    return found
