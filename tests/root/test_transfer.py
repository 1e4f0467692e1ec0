# SPDX-License-Identifier: BSD-3-Clause
"""scp, sftp, rsync and git into the account, and git from the account to elsewhere."""
import os
import subprocess
from pathlib import Path

from accounts import PAM_PORT, PLAIN_PORT, SSH_OPTIONS
from commands import call
from machine import PUBLIC
from session_test import SessionTest
from stage import STAGE


class Copy(SessionTest):
    """A file of odd bytes goes up and comes down again unchanged."""

    DATA = bytes(range(256)) * 1000

    def setUp(self):
        super().setUp()
        self.directory = STAGE.directory / "copy"
        self.directory.mkdir(exist_ok=True)
        self.source, self.back = self.directory / "source", self.directory / "back"
        self.source.write_bytes(self.DATA)
        self.options = [*SSH_OPTIONS, "-i", str(STAGE.key)]
        self.shell = " ".join(["ssh", *self.options, "-p", str(PLAIN_PORT)])

    def round_trip(self, upload, download):
        def work(who):
            self.back.unlink(missing_ok=True)
            up, down = call(upload(who)), call(download(who))
            self.assertEqual((0, 0), (up.status, down.status), f"{up} {down}")
            self.assertEqual(self.DATA, self.back.read_bytes())
            return (who.home / "copied").stat().st_mode, up.err, down.err
        self.both(work)

    def scp(self, *more):
        argv = ["scp", "-q", *more, *self.options, "-P", str(PLAIN_PORT)]
        self.round_trip(lambda who: [*argv, self.source, f"{who.name}@127.0.0.1:copied"],
                        lambda who: [*argv, f"{who.name}@127.0.0.1:copied", self.back])

    def test_scp_with_the_old_protocol_copies(self):
        self.scp("-O")

    def test_scp_with_the_sftp_protocol_copies(self):
        self.scp("-s")

    def test_sftp_batch_copies(self):
        def batch(command):
            path = self.directory / "batch"
            path.write_text(command)
            return path
        def argv(who, command):
            return ["sftp", "-q", *self.options, "-P", str(PLAIN_PORT), "-b", batch(command),
                    f"{who.name}@127.0.0.1"]
        self.round_trip(lambda who: argv(who, f"put {self.source} copied\n"),
                        lambda who: argv(who, f"get copied {self.back}\nls -l copied\n"))

    def test_sftp_server_is_confined(self):
        marker = self.confined.home / "marker"
        call(["sftp", "-q", *self.options, "-P", str(PLAIN_PORT), "-b", "-",
              f"{self.confined.name}@127.0.0.1"],
             stdin=f"get /proc/self/status {self.directory}/status\n")
        status = (self.directory / "status").read_text()
        self.assertIn("Name:\tsftp-server", status)
        self.assertIn("Seccomp:\t2", status)
        self.assertFalse(marker.exists())

    def test_rsync_copies(self):
        argv = ["rsync", "-a", "-e", self.shell]
        self.round_trip(lambda who: [*argv, self.source, f"{who.name}@127.0.0.1:copied"],
                        lambda who: [*argv, f"{who.name}@127.0.0.1:copied", self.back])

    def test_tar_through_the_connection_copies(self):
        def work(who):
            command = f"tar -cf - -C {self.directory} source | {self.shell} " \
                      f"{who.name}@127.0.0.1 'tar -xf - && md5sum source'"
            return call(["sh", "-c", command]).out
        self.assertTrue(self.both(work))


class GitInto(SessionTest):
    def test_git_push_and_pull_over_ssh(self):
        environment = {**os.environ, "GIT_SSH_COMMAND": " ".join(
            ["ssh", *SSH_OPTIONS, "-i", str(STAGE.key), "-p", str(PLAIN_PORT)]),
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@test", "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@test"}
        def git(where, *words):
            subprocess.run(["git", "-C", where, *words], check=True, env=environment,
                           capture_output=True, timeout=30)
        def work(who):
            self.assertEqual(0, who.ssh("git init -q --bare repository").status)
            first, second = (Path(str(STAGE.directory / f"{who.name}-{n}")) for n in (1, 2))
            remote = f"{who.name}@127.0.0.1:repository"
            subprocess.run(["git", "init", "-q", "-b", "main", first], check=True)
            for n in range(200):
                (first / f"file{n}").write_text(f"{n}\n" * n)
            git(first, "add", ".")
            git(first, "commit", "-q", "-m", "all")
            git(first, "push", "-q", remote, "main:main")
            git(STAGE.directory, "clone", "-q", "-b", "main", remote, second)
            (first / "more").write_text("more\n")
            git(first, "add", ".")
            git(first, "commit", "-q", "-m", "more")
            git(first, "push", "-q", remote, "main:main")
            git(second, "pull", "-q")
            return sorted(entry.name for entry in second.iterdir())
        self.assertEqual(202, len(self.both(work)))


class GitFrom(SessionTest):
    """A clone from inside: the policy names one ssh server, and another one is up as well."""

    POLICY = f"[network]\nnet_allow = 127.0.0.1:{PAM_PORT}\n"

    def setUp(self):
        super().setUp()
        done = self.bare.su("rm -rf origin && git init -q origin && cd origin && echo x >x && "
                            "git add x && git commit -q -m x")
        self.assertEqual(0, done.status, done)

    def clone(self, host, port):
        return self.confined.ssh(
            f"rm -rf clone && git clone -q ssh://bare@{host}:{port}/home/bare/origin clone; "
            "s=$?; cat clone/x; exit $s")

    def test_clone_from_the_allowed_server_works(self):
        done = self.clone("127.0.0.1", PAM_PORT)
        self.assertEqual((0, "x\n"), (done.status, done.out), done)

    def test_clone_from_another_port_is_refused(self):
        other = self.listen()
        done = self.clone("127.0.0.1", other.port)
        self.assertNotEqual(0, done.status)
        self.assertIn("Permission denied", done.err)
        self.assertEqual(0, other.arrivals())

    def test_clone_from_another_address_is_refused(self):
        # The same server answers there: only the policy stands between.
        done = self.clone(PUBLIC, PAM_PORT)
        self.assertNotEqual(0, done.status)
        self.assertIn("Permission denied", done.err)
