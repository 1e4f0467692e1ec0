# SPDX-License-Identifier: BSD-3-Clause
"""A private machine for the tests: nothing of the host is changed, and nothing stays.

Called by run.py and demo, as root. Mount, pid, network and IPC namespaces of their own; /etc, /opt,
/home, /tmp, /run, /var/log, /var/spool and /dev are tmpfs, so that users, files and processes are
gone with the namespaces, also when a test is interrupted.
"""
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PUBLIC = "192.0.2.1"  # an address that is neither loopback nor private
PUBLIC6 = "2001:db8::1"

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x8000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _mount(source, target, kind=None, flags=0, data=None):
    text = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    _check(LIBC.mount(text[0], text[1], text[2], ctypes.c_ulong(flags), text[3]),
           f"mount {target}")


def _own_mounts():
    """Nothing mounted from here on is seen outside, also where / is a chroot's."""
    try:
        _mount(None, "/", flags=MS_REC | MS_PRIVATE)
    except OSError:
        _mount("/", "/mnt", flags=MS_BIND | MS_REC)
        _mount(None, "/mnt", flags=MS_REC | MS_PRIVATE)
        os.chroot("/mnt")
        os.chdir("/")


def _private_copy(path):
    copy = Path("/mnt") / path.strip("/").replace("/", "-")
    subprocess.run(["cp", "-a", path, copy], check=True)
    _mount(copy, path, flags=MS_BIND)


def _private_dev():
    _mount("tmpfs", "/dev", "tmpfs", data="mode=0755")
    for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod(f"/dev/{name}", 0o020666, os.makedev(1, minor))
        os.chmod(f"/dev/{name}", 0o666)
    os.mknod("/dev/tty", 0o020666, os.makedev(5, 0))
    os.chmod("/dev/tty", 0o666)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"),
                         ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        os.symlink(target, f"/dev/{name}")
    for name in ("pts", "shm"):
        os.mkdir(f"/dev/{name}")
    _mount("devpts", "/dev/pts", "devpts", data="newinstance,ptmxmode=0666,mode=0620,gid=5")
    _mount("tmpfs", "/dev/shm", "tmpfs", data="mode=1777")


def _private_machine(destdir):
    _own_mounts()
    _mount("tmpfs", "/mnt", "tmpfs", data="mode=0755")
    subprocess.run(["cp", "-a", f"{destdir}/opt", "/mnt/opt"], check=True)
    for path in ("/etc", "/var/spool"):
        _private_copy(path)
    _mount("proc", "/proc", "proc")
    _private_dev()
    _mount("/mnt/opt", "/opt", flags=MS_BIND)
    for path, mode in (("/home", "0755"), ("/run", "0755"), ("/tmp", "1777"), ("/var/log", "0755")):
        _mount("tmpfs", path, "tmpfs", data=f"mode={mode}")
    for path, mode in (("/run/sshd", 0o755), ("/run/screen", 0o1777), ("/run/user", 0o755)):
        os.mkdir(path)
        os.chmod(path, mode)
    for path in ("/run/utmp", "/var/log/wtmp", "/var/log/lastlog", "/var/log/btmp"):
        Path(path).touch()
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{PUBLIC} allowed.test\n"
                                  f"{PUBLIC6} six.test\n{PUBLIC} other.test\n")
    Path("/etc/resolv.conf").write_text(f"nameserver {PUBLIC}\noptions timeout:1 attempts:1\n")
    Path("/etc/shells").write_text("/bin/sh\n/bin/bash\n/bin/dash\n")
    for words in ("link set lo up", f"addr add {PUBLIC}/32 dev lo",
                  f"addr add {PUBLIC6}/128 dev lo nodad"):
        subprocess.run(["ip", *words.split()], check=True)
    # A caller in the background of a script may have ignored these for us; no login inherits that.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                      HOME="/root", LANG="C.UTF-8", TERM="xterm")
    os.umask(0o022)
    os.chdir("/")


def fork(work):
    """The child does `work` and its number; what it raises is printed."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            status = work()
        except BaseException as error:  # pylint: disable=broad-except
            print(f"private machine: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            sys.stdout.flush()
            os._exit(status)
    return pid


def _reap(pid):
    """Process 1 of the private machine: collects orphans until `pid` ends."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status) & 0xff


def run_private(destdir, work, seconds):
    """What `work` returned, a text, when it ran on the private machine; "" where it did not end.

    `destdir` holds an installation whose /opt is copied in.
    """
    reader, writer = os.pipe()

    def inside():
        _private_machine(destdir)
        os.write(writer, work().encode())
        return 0

    def init():
        # The pid namespace dies with this process, and with it all that the tests started.
        return _reap(fork(inside))

    sys.stdout.flush()
    _check(LIBC.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET),
           "private namespaces (CAP_SYS_ADMIN)")
    pid = fork(init)
    os.close(writer)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
    signal.alarm(seconds)
    try:
        with os.fdopen(reader) as results:
            return results.read()
    finally:
        signal.alarm(0)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(pid, 0)
