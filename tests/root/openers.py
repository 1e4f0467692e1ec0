"""The programs that open PAM sessions in their own process, each as `opener(account).run(command)`.

Called by the test_pam_* modules. All are the machine's own, but for the service that nobody knows
(probes/opener.c), whose stack is /etc/pam.d/other.
"""
import os
import signal
import subprocess
from pathlib import Path

from harness import STAGE, Done, Terminal, call, compiled, eventually

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


def opener(name, services, words):
    """The class of an opener whose words are `words`, with the user and the command filled in."""
    def argv(self, command):
        return [{"USER": self.account.name, "COMMAND": command}.get(word, word) for word in words]
    return type(name, (Opener,), {"services": services, "argv": argv})


Su = opener("Su", ("su",), ("su", "USER", "-c", "COMMAND"))
SuLogin = opener("SuLogin", ("su-l",), ("su", "-l", "USER", "-c", "COMMAND"))
SuPty = opener("SuPty", ("su",), ("su", "--pty", "USER", "-c", "COMMAND"))
Runuser = opener("Runuser", ("runuser",), ("runuser", "USER", "-c", "COMMAND"))
RunuserUser = opener("RunuserUser", ("runuser",),
                     ("runuser", "-u", "USER", "--", "bash", "-c", "COMMAND"))
RunuserLogin = opener("RunuserLogin", ("runuser-l",), ("runuser", "-l", "USER", "-c", "COMMAND"))
Sudo = opener("Sudo", ("sudo",), ("sudo", "-u", "USER", "bash", "-c", "COMMAND"))
SudoLogin = opener("SudoLogin", ("sudo-i",), ("sudo", "-i", "-u", "USER", "bash", "-c", "COMMAND"))


class Unknown(Opener):
    services = ("other",)

    def argv(self, command):
        return [compiled("opener", "-lpam"), "nobody-knows-it", self.account.name, "run", command]


class Login(Opener):
    """login(1) on a terminal. What the command writes is written to files, as it is for cron."""

    services = ("login",)

    def run(self, command, **_):
        with Terminal(["login", "-f", self.account.name]) as terminal:
            terminal.expect("ready> ")
            terminal.send(f". {_script(self.account, command)}\r")
            terminal.wait()
        return _result(self.account)


class Cron(Opener):
    """A job of Debian's cron, due as soon as cron starts."""

    services = ("cron",)

    def run(self, command, **_):
        call(["crontab", "-u", self.account.name, "-"],
             stdin=f"@reboot bash {_script(self.account, command)}\n")
        return cron(lambda: _result(self.account))


class At(Opener):
    services = ("atd",)

    def run(self, command, **_):
        script = _script(self.account, command)
        with daemon("atd", "-f", "-l", "99"):
            eventually(Path("/run/atd.pid").exists, "atd is there")
            # Not yet due when atd has looked: it is told by at itself.
            self.account.run(["at", "now"], stdin=f"bash {script}\n")
            return _result(self.account)


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
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def cron(result):
    """`result()` once cron has started, to which it was just booted."""
    REBOOT.unlink(missing_ok=True)
    Path("/run/crond.pid").unlink(missing_ok=True)
    with daemon("cron", "-f"):
        return result()

