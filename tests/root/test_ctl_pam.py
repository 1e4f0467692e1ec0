# SPDX-License-Identifier: BSD-3-Clause
"""sandlockctl pam: which services confine which users, by the real /etc/pam.d and what the real sshd says."""
import grp
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from accounts import PAM_PORT
from commands import call
from machine import PUBLIC
from session_test import SessionTest
from name_services import SWITCH, services_put
from stage import PREFIX, STAGE, ctl

STACKS, VENDOR, SSHD = Path("/etc/pam.d"), Path("/usr/lib/pam.d"), Path("/etc/ssh/sshd_config")
SESSION = "session required pam_sandlock.so"
AUTH = "auth [success=ok ignore=ignore default=bad] pam_sandlock.so"
DRAFT = "[network]\n"
# Read now: on the private machine the sources may be out of sight.
PROFILE = (Path(__file__).parents[2] / "packaging/pam-configs/sandlock").read_text()
PRERM = (Path(__file__).parents[2] / "packaging/debian/libpam-sandlock.prerm").read_text()


class CtlPam(SessionTest):
    """alice's shell is sandlock-shell, bare's is bash; each has a policy in `self.conf`."""

    def setUp(self):
        super().setUp()
        scratch = tempfile.TemporaryDirectory(prefix="sandlock-ctl.")
        self.addCleanup(scratch.cleanup)
        self.conf = Path(scratch.name, "conf")
        self.conf.mkdir()
        Path(scratch.name).chmod(0o755)
        for name in ("alice", "bare"):
            self.policy(name)
        self.keep(STACKS, Path(scratch.name, "pam.d"))
        self.keep(SSHD.parent, Path(scratch.name, "ssh"))
        self.sshd("")

    def keep(self, path, copy):
        def restore():
            shutil.rmtree(path)
            shutil.copytree(copy, path, symlinks=True)
        shutil.copytree(path, copy, symlinks=True)
        self.addCleanup(restore)

    def policy(self, name, text=DRAFT):
        path = self.conf / f"{name}.conf"
        path.write_text(text)
        path.chmod(0o644)
        return path

    def sshd(self, text):
        """sshd_config, with Debian's choices before `text`."""
        SSHD.write_text(f"HostKey {STAGE.key}\nUsePAM yes\nX11Forwarding yes\n"
                        f"Subsystem sftp /usr/lib/openssh/sftp-server\n{text}")

    def stack(self, service, text):
        (STACKS / service).write_text(text)

    def append(self, service, *lines):
        with (STACKS / service).open("a") as file:
            file.writelines(line + "\n" for line in lines)

    def pam(self, *words, status=1):
        done = call([ctl(), "pam", "--conf", self.conf, *words])
        self.assertEqual((status, ""), (done.status, done.err), done.out)
        return done.out

    def json(self, *words, status=1):
        return json.loads(self.pam("--json", *words, status=status))

    def service(self, name, user, *words):
        """State, what is open, and the findings as lines."""
        found = next(service for service in self.json(user, *words)["services"]
                     if service["service"] == name)
        return (found["ways"][0]["state"], found["ways"][0]["open"],
                [f"{finding['file']}:{finding['line']}: {finding['text']}"
                 for finding in found["findings"]])

    def follow_advice(self):
        """Writes the lines where `sandlockctl pam` says; `status` is not known yet."""
        report = json.loads(call([ctl(), "pam", "--conf", self.conf, "--json"]).out)
        for line in {tuple(line.values()) for service in report["services"]
                     for line in service["add"]}:
            file, where, text = line
            path = STACKS / Path(file).name
            old = Path(file).read_text()
            path.write_text(f"{text}\n{old}" if where == "first" else f"{old}{text}\n")


class Report(CtlPam):
    def test_machine_without_the_module_covers_by_the_shell_alone(self):
        out = self.pam()
        self.assertRegex(out, r"(?m)^login: covered by the shell only: alice$")
        self.assertRegex(out, r"(?m)^login: NOT COVERED: bare$")
        self.assertRegex(out, r"(?m)^sshd: covered by the shell only, which leaves open: "
                              r"port forwards.*: alice$")
        self.assertRegex(out, r"(?m)^runuser: NOT COVERED: alice, bare$")
        self.assertRegex(out, rf"(?m)^  add as the last line of /etc/pam.d/login:\n      {SESSION}$")
        self.assertRegex(out, r"(?m)^not every service is covered$")
        for fragment in ("common-session", "passwd", "chsh"):
            self.assertNotRegex(out, rf"(?m)^{fragment}")

    def test_shared_file_that_nobody_includes_is_left_out(self):
        self.stack("common-session-unused", "session required pam_permit.so\n")
        self.assertNotIn("common-session-unused", self.pam("bare"))

    def test_advice_followed_covers_everybody(self):
        self.pam()
        self.follow_advice()
        out = self.pam(status=0)
        self.assertNotIn("shell only", out)
        self.assertNotIn("pam_sandlock", out)
        self.assertRegex(out, r"(?m)^sshd: covered: alice, bare$")
        self.assertRegex(out, r"(?m)^every service is covered$")
        report = self.json(status=0)
        self.assertTrue(report["covered"])
        self.assertEqual([], [service["add"] for service in report["services"] if service["add"]])

    def test_line_missing_in_an_included_service_is_asked_for_there(self):
        add = {service["service"]: [line["file"] for line in service["add"]]
               for service in self.json("bare")["services"]}
        self.assertEqual(["/etc/pam.d/su"], add["su-l"])
        self.append("su", SESSION)
        self.assertEqual(("covered", "", []), self.service("su-l", "bare"))

    def test_service_of_a_package_is_copied_before_a_change(self):
        if not (VENDOR / "systemd-user").exists():
            self.skipTest("no systemd-user in /usr/lib/pam.d")
        self.assertIn("  copy /usr/lib/pam.d/systemd-user to /etc/pam.d/systemd-user; there,\n",
                      self.pam("bare"))
        self.stack("systemd-user", f"session required pam_unix.so\n{SESSION}\n")
        self.assertEqual(("covered", "", []), self.service("systemd-user", "bare"))

    def test_service_without_session_lines_has_those_of_other(self):
        self.stack("cron", "auth required pam_deny.so\n")
        self.assertEqual("uncovered", self.service("cron", "bare")[0])
        self.append("other", SESSION)
        self.assertEqual(("covered", "", []), self.service("cron", "bare"))

    def test_unknown_service_opens_sessions(self):
        self.stack("unheard-of", "session required pam_permit.so\n")
        self.assertEqual("uncovered", self.service("unheard-of", "alice")[0])

    def test_screen_locks_and_greeters_are_left_out(self):
        for name in ("xscreensaver", "lightdm-greeter", "lightdm"):
            self.stack(name, "auth include common-auth\nsession include common-session\n")
        names = [service["service"] for service in self.json("bare")["services"]]
        self.assertIn("lightdm", names)
        self.assertFalse({"xscreensaver", "lightdm-greeter", "passwd"} & set(names))

    def test_greeter_that_default_would_confine_is_named(self):
        if call(["id", "lightdm"]).status:
            subprocess.run(["useradd", "-r", "-s", "/bin/false", "lightdm"], check=True)
            self.addCleanup(subprocess.run, ["userdel", "lightdm"], check=True)
        expected = ("/etc/pam.d/lightdm-greeter:1: confines the greeter of lightdm-greeter, too, "
                    "by default.conf: write exempt=lightdm\n")
        self.stack("lightdm-greeter", f"{SESSION}\n")
        self.assertNotIn(expected, self.pam())
        self.policy("default")
        self.assertIn(expected, self.pam())
        self.stack("lightdm-greeter", f"{SESSION} exempt=root,lightdm\n")
        self.assertNotIn(expected, self.pam())
        self.stack("lightdm-greeter", f"{SESSION}\n")
        self.policy("lightdm")
        self.assertNotIn(expected, self.pam())

    def test_other_that_cannot_be_read_refuses_every_service(self):
        self.append("su", SESSION)
        self.append("other", "@include nowhere")
        self.assertEqual("refused", self.service("su", "bare")[0])
        self.assertRegex(self.pam("bare"), r"(?m)^/etc/pam.d/other:\d+: there is no file of that name")

    def test_names_that_no_program_has_are_left_out(self):
        for name in ("su.dpkg-dist", "su~", ".su.swp"):
            self.stack(name, "session required pam_permit.so\n")
        names = [service["service"] for service in self.json("bare")["services"]]
        self.assertIn("su", names)
        self.assertFalse([name for name in names if name.startswith((".", "su.", "su~"))])

    def test_include_that_is_missing_refuses_and_is_named(self):
        self.stack("su", f"@include nowhere\n{SESSION}\n")
        state, _, findings = self.service("su", "bare")
        self.assertEqual("refused", state)
        self.assertIn("/etc/pam.d/su:1: there is no file of that name to include", findings)

    def test_include_that_loops_is_named(self):
        self.stack("su", f"session include loop\n{SESSION}\n")
        self.stack("loop", "session include su\n")
        state, _, findings = self.service("su", "bare")
        self.assertEqual("refused", state)
        self.assertIn("/etc/pam.d/loop:1: the file includes itself", findings)


class Mistakes(CtlPam):
    UNIX = "session required pam_unix.so\n"

    def mistake(self, text, state, finding, service="su"):
        """The stack `text` gives `state`; a line begins with `finding`."""
        self.stack(service, text)
        with self.subTest(text=text):
            found, _, findings = self.service(service, "bare")
            self.assertEqual(state, found)
            self.assertTrue(any(line.startswith(f"/etc/pam.d/{finding}") for line in findings)
                            if finding else not findings, findings)

    def test_right_line_is_covered_without_a_finding(self):
        self.mistake(f"{self.UNIX}{SESSION}\n", "covered", "")
        self.mistake(f"{self.UNIX}session \\\n [success=ok ignore=ignore default=die] \\\n"
                     "  pam_sandlock.so mode=auto quiet\n", "covered", "")

    def test_line_that_passes_over_the_module_is_named(self):
        self.mistake(f"session sufficient pam_x.so\n{SESSION}\n", "open",
                     "su:1: pam_x.so (sufficient) may skip pam_sandlock.so")
        self.mistake(f"{self.UNIX}session [success=1 default=ignore] pam_x.so\n{SESSION}\n", "open",
                     "su:2: pam_x.so (success=1 default=ignore) may skip")
        self.stack("jumps", "# first\nsession [success=done default=ignore] pam_x.so\n")
        self.mistake(f"session include jumps\n{SESSION}\n", "open", "jumps:2: pam_x.so")
        self.mistake(f"session substack jumps\n{SESSION}\n", "covered", "")

    def test_control_that_ignores_the_module_is_named(self):
        for control in ("optional", "sufficient", "[success=ok default=ignore]"):
            self.mistake(f"{self.UNIX}session {control} pam_sandlock.so\n{self.UNIX}", "open",
                         f"su:2: {control.strip('[]')} lets a session begin after pam_sandlock.so")
        self.mistake(f"{SESSION}\nsession [default=reset] pam_x.so\n{self.UNIX}", "open",
                     "su:2: pam_x.so (default=reset) cancels the failure")

    def test_module_behind_that_belongs_before_is_named(self):
        for module in ("pam_limits.so", "pam_systemd.so", "pam_mkhomedir.so", "pam_selinux.so"):
            self.mistake(f"{SESSION}\nsession optional {module}\n", "covered",
                         f"su:2: {module} comes after pam_sandlock.so (/etc/pam.d/su:1): ")
        self.mistake(f"{SESSION}\nsession optional pam_motd.so\n", "covered",
                     "su:1: pam_sandlock.so is not the last session line: 1 follows")

    def test_debians_shared_session_is_too_early_for_sshd(self):
        self.append("common-session", SESSION)
        state, _, findings = self.service("sshd", "bare")
        self.assertEqual("refused", state)
        self.assertIn("/etc/pam.d/sshd:0: no auth line calls pam_sandlock.so: "
                      "every login of a user with a policy is refused", findings)
        text = "\n".join(findings)
        for module in ("pam_limits.so", "pam_selinux.so"):
            self.assertRegex(text, rf"(?m)^/etc/pam.d/sshd:\d+: {module} comes after "
                                   r"pam_sandlock.so \(/etc/pam.d/common-session:\d+\)")

    def test_sshd_confined_as_a_whole_needs_no_auth_line(self):
        self.mistake(f"auth required pam_unix.so\n{self.UNIX}{SESSION} mode=open\n", "covered",
                     "sshd:3: mode=open confines sshd's parent process", service="sshd")

    def test_auth_line_of_sshd_that_a_login_may_not_come_to_refuses(self):
        self.mistake(f"auth required pam_unix.so\n{AUTH}\n{self.UNIX}{SESSION}\n", "covered",
                     "sshd:2: pam_sandlock.so is not the first auth line", service="sshd")
        self.mistake(f"auth sufficient pam_unix.so\n{AUTH}\n{self.UNIX}{SESSION}\n", "refused",
                     "sshd:1: pam_unix.so (sufficient) may skip", service="sshd")
        self.mistake(f"{AUTH}\nauth required pam_unix.so\n{self.UNIX}{SESSION}\n", "covered", "",
                     service="sshd")

    def test_arguments_are_read_as_the_module_reads_them(self):
        for words, state, finding in (
                ("mode=gate", "refused", "su:1: mode=gate is for programs whose child"),
                ("mode=closed", "refused", "su:1: mode=closed: unknown value"),
                ("conf=here", "refused", "su:1: conf=here: unknown value"),
                ("exempt=", "refused", "su:1: exempt=: unknown value"),
                ("mood=auto", "covered", "su:1: mood=auto: unknown argument"),
                ("debug nested=inherit", "covered", ""),
                ("exempt=root,alice", "covered", ""),
                ("exempt=alice,bare", "uncovered", "su:0: the line that calls pam_sandlock.so does not apply"),
                ("services=sudo,su", "covered", ""),
                ("services=sudo", "uncovered", "su:0: the line that calls"),
                (f"conf={self.conf}", "covered", ""),
                ("conf=/nowhere", "covered", "")):
            self.mistake(f"{SESSION} {words}\n", state, finding)

    def test_exempt_group_leaves_its_members_out(self):
        subprocess.run(["groupadd", "-U", "bare", "left-out"], check=True)
        self.addCleanup(subprocess.run, ["groupdel", "left-out"], check=True)
        self.stack("su", f"{SESSION} exempt=@left-out\n")
        self.assertEqual("uncovered", self.service("su", "bare")[0])
        self.assertEqual("covered", self.service("su", "alice")[0])


class ProfileTest(CtlPam):
    """packaging/pam-configs/sandlock and Debian's pam-auth-update, without its memory."""

    PROFILES, STATE, ANSWERS = "/usr/share/pam-configs", "/var/lib/pam", "/var/cache/debconf"

    def setUp(self):
        super().setUp()
        for number, path in enumerate((self.PROFILES, self.STATE, self.ANSWERS)):
            copy = self.conf.parent / f"copy{number}"
            shutil.copytree(path, copy, symlinks=True)
            subprocess.run(["mount", "--bind", copy, path], check=True)
            self.addCleanup(subprocess.run, ["umount", path], check=True)
        Path(self.PROFILES, "sandlock").write_text(PROFILE)

    def update(self, *words):
        subprocess.run(["pam-auth-update", *words], check=True, capture_output=True,
                       env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                            "DEBIAN_FRONTEND": "noninteractive"})


class Profile(ProfileTest):
    """The profile as pam-auth-update writes it into the shared files."""

    def test_profile_covers_what_includes_the_shared_sessions(self):
        self.update("--package")
        self.assertNotIn("sandlock", Path(STACKS, "common-session").read_text())
        self.assertIn("`pam-auth-update --enable sandlock` adds", self.pam("bare"))
        self.update("--enable", "sandlock")
        for service in ("login", "su", "su-l", "other"):
            self.assertEqual(("covered", "", []), self.service(service, "bare"))
        state, _, findings = self.service("sshd", "bare")
        self.assertEqual("refused", state)
        self.assertIn("/etc/pam.d/sshd:0: no auth line calls pam_sandlock.so: "
                      "every login of a user with a policy is refused", findings)
        # What pam-auth-update has done is not to be done again, or otherwise.
        out = self.pam("bare")
        self.assertNotIn("pam-auth-update", out)
        self.assertNotIn("not the last", out)
        self.assertNotRegex(out, r"(?m)^/etc/pam.d/sshd:\d+: .* comes after")
        self.follow_advice()
        self.assertRegex(self.pam(status=0), r"(?m)^sshd: covered: alice, bare$")
        self.update("--disable", "sandlock")
        self.assertNotIn("sandlock", Path(STACKS, "common-session").read_text())

    def test_profile_comes_behind_others_of_the_session(self):
        self.update("--enable", "sandlock")
        self.update("--enable", "mkhomedir")
        lines = Path(STACKS, "common-session").read_text().splitlines()
        modules = [line.split()[2] for line in lines if line.startswith("session")]
        self.assertEqual("pam_sandlock.so", modules[-1])
        self.assertIn("pam_mkhomedir.so", modules)


class Apply(CtlPam):
    """`pam --apply` and `--undo`, on the files of /etc/pam.d, with the module where PAM finds it."""

    def setUp(self):
        super().setUp()
        places = Path("/usr/lib").glob("*/security/pam_unix.so")
        security = next(places).parent
        copy = self.conf.parent / "security"
        shutil.copytree(security, copy, symlinks=True)
        shutil.copy(PREFIX / "lib/security/pam_sandlock.so", copy)
        subprocess.run(["mount", "--bind", copy, security], check=True)
        self.addCleanup(subprocess.run, ["umount", security], check=True)

    def edit(self, *words, status=0, **options):
        done = call([ctl(), "pam", "--conf", self.conf, *words], **options)
        self.assertEqual(status, done.status, done)
        return done

    def files(self):
        return {path.name: path.read_bytes() for path in STACKS.iterdir() if path.is_file()}

    def test_lines_are_shown_and_written_and_taken_back(self):
        before, mode = self.files(), (STACKS / "su").stat()
        done = self.edit("--apply", "--yes", "su", "sshd")
        self.assertIn(f"\n+{SESSION}\n", done.out)
        self.assertIn(f"\n+{AUTH}\n", done.out)
        self.assertRegex(done.out, r"(?m)^su: covered: alice, bare$")
        self.assertRegex(done.out, r"(?m)^sshd: covered: alice, bare$")
        after = self.files()
        self.assertEqual({"su", "sshd", "su.sandlock-save", "sshd.sandlock-save"},
                         {name for name in after if after[name] != before.get(name)})
        self.assertEqual(before["su"] + f"{SESSION}\n".encode(), after["su"])
        self.assertEqual(before["su"], after["su.sandlock-save"])
        now = (STACKS / "su").stat()
        self.assertEqual((mode.st_mode, mode.st_uid, mode.st_gid),
                         (now.st_mode, now.st_uid, now.st_gid))
        self.assertEqual("nothing to add\n", self.edit("--apply", "su").out.splitlines(True)[0])
        self.assertNotIn("sandlock-save", self.pam("bare"))
        done = self.edit("--undo", "--yes", "su", "sshd")
        self.assertIn(f"\n-{SESSION}\n", done.out)
        self.assertEqual(before, self.files())

    def test_written_lines_confine(self):
        call([ctl(), "pam", "--uses"])
        self.edit("--apply", "--yes", "su")
        text = (STACKS / "su").read_text()
        self.stack("su", "auth sufficient pam_rootok.so\naccount required pam_permit.so\n"
                         + text.replace(SESSION, f"{SESSION} conf={self.conf}"))
        done = call(["su", "bare", "-s", "/bin/sh", "-c", "grep ^Seccomp: /proc/self/status"])
        self.assertEqual("Seccomp:\t2\n", done.out, done)

    def test_nothing_is_written_without_consent(self):
        before = self.files()
        done = self.edit("--apply", "su", status=1)
        self.assertIn(f"\n+{SESSION}\n", done.out)
        self.assertIn("answer on a terminal, or write --yes", done.err)
        script = ["script", "-qec", f"{ctl()} pam --conf {self.conf} --apply su", "/dev/null"]
        for answer, written in (("n\n", False), ("\n", False), ("y\n", True)):
            call(script, stdin=answer)
            self.assertEqual(written, self.files() != before, answer)

    def test_file_of_a_package_is_copied_and_the_copy_removed(self):
        if not (VENDOR / "systemd-user").exists():
            self.skipTest("no systemd-user in /usr/lib/pam.d")
        vendor = (VENDOR / "systemd-user").read_bytes()
        self.edit("--apply", "--yes", "systemd-user")
        self.assertEqual(vendor + f"{SESSION}\n".encode(), (STACKS / "systemd-user").read_bytes())
        self.edit("--undo", "--yes", "systemd-user")
        self.assertEqual(vendor, (VENDOR / "systemd-user").read_bytes())
        self.assertFalse([path for path in STACKS.iterdir() if "systemd-user" in path.name])

    def test_what_cannot_be_done_changes_nothing(self):
        before = self.files()
        for words, said in ((("--apply", "--yes", "nonesuch"), "no such service"),
                            (("--apply", "--yes", "passwd"), "opens no sessions"),
                            (("--undo", "--yes", "su"), "nothing to undo"),
                            (("--undo", "--yes", "../su"), "expected the name"),
                            (("--apply",), "usage: "), (("--yes",), "usage: "),
                            (("--apply", "--undo", "su"), "usage: ")):
            with self.subTest(words=words):
                self.assertIn(said, self.edit(*words, status=2).err)
        done = self.bare.run([ctl(), "pam", "--conf", self.conf, "--apply", "--yes", "su"])
        self.assertEqual((2, "sandlockctl: only root may change /etc/pam.d\n"),
                         (done.status, done.err))
        self.assertEqual(before, self.files())
        next(Path("/usr/lib").glob("*/security/pam_sandlock.so")).unlink()
        self.assertIn("is not installed", self.edit("--apply", "--yes", "su", status=2).err)

    def test_link_is_not_replaced(self):
        (STACKS / "su").rename(STACKS / "su-of-others")
        (STACKS / "su").symlink_to("su-of-others")
        self.edit("--apply", "--yes", "su", status=2)
        self.assertTrue((STACKS / "su").is_symlink())


class AccountLine(CtlPam):
    """The line that tells refused users why; sshd is covered without it."""

    ACCOUNT = "account required pam_sandlock.so"

    def setUp(self):
        super().setUp()
        text = (STACKS / "sshd").read_text()
        self.stack("sshd", f"{AUTH}\n{text}{SESSION}\n")

    def add(self):
        return [(line["where"], line["line"]) for service in self.json("bare")["services"]
                if service["service"] == "sshd" for line in service["add"]]

    def lines(self, *lines):
        text = (STACKS / "sshd").read_text()
        self.stack("sshd", "".join(f"{line}\n" for line in lines) + text)

    def test_line_that_is_missing_is_asked_for_and_covers_nobody(self):
        self.assertEqual(("covered", "", []), self.service("sshd", "bare"))
        self.assertEqual([("first", self.ACCOUNT)], self.add())
        self.lines(self.ACCOUNT)
        self.assertEqual(("covered", "", []), self.service("sshd", "bare"))
        self.assertEqual([], self.add())

    def test_line_of_a_shared_file_is_enough(self):
        self.append("common-account", self.ACCOUNT)
        self.assertEqual([], self.add())

    def test_line_that_refuses_everybody_is_named(self):
        for line, said in (("account [success=ok default=bad] pam_sandlock.so",
                            "success=ok default=bad refuses everybody"),
                           (f"{self.ACCOUNT} conf=policies", "unknown value")):
            with self.subTest(line=line):
                self.lines(line)
                state, _, findings = self.service("sshd", "bare")
                self.assertEqual("refused", state)
                self.assertIn(said, findings[0])

    def test_line_that_judges_by_something_else_is_named(self):
        number = len((STACKS / "sshd").read_text().splitlines()) + 1
        self.lines(f"{self.ACCOUNT} exempt=bare,alice quiet")
        self.assertEqual([f"/etc/pam.d/sshd:1: exempt= is not that of the session line "
                          f"(/etc/pam.d/sshd:{number}): write the same"],
                         self.service("sshd", "bare")[2])

    def test_password_that_cannot_be_changed_inside_is_named(self):
        self.addCleanup(call, ["chage", "-d", "-1", "-M", "-1", "bare"])
        self.lines(self.ACCOUNT)
        for words, named in ((("-d", "0"), True), (("-d", "2020-01-01", "-M", "-1"), False),
                             (("-M", "30"), True), (("-M", "99999"), False),
                             (("-d", "2090-01-01", "-M", "30"), False), (("-d", "0"), True)):
            with self.subTest(words=words):
                call(["chage", *words, "bare"])
                state, _, findings = self.service("sshd", "bare")
                self.assertEqual("covered", state)
                self.assertEqual(named, any("bare:0: the password must be changed" in line
                                            for line in findings), findings)
        shared = (STACKS / "common-account").read_text()
        self.stack("common-account", shared.replace("pam_unix.so", "pam_unix.so no_pass_expiry"))
        self.assertEqual([], self.service("sshd", "bare")[2])


class Uses(CtlPam):
    """`pam --uses`: the lines that lock everybody out once the module is gone, and no others."""

    def uses(self, *lines):
        done = call([ctl(), "pam", "--uses"])
        self.assertEqual((1 if lines else 0, ""), (done.status, done.err), done)
        self.assertEqual(lines, tuple(done.out.splitlines()))

    def elsewhere(self, text):
        """A file outside of /etc/pam.d."""
        path = self.conf.parent / "fragment"
        path.write_text(text)
        return path

    def test_machine_without_the_module_uses_it_nowhere(self):
        self.uses()

    def test_line_of_each_type_is_listed_once_with_its_services(self):
        self.stack("su", f"{AUTH}\naccount required pam_sandlock.so\n# {SESSION}\n"
                         f"password optional /lib/security/pam_sandlock.so quiet\n{SESSION}\n")
        self.uses("/etc/pam.d/su:1: auth line of su, su-l",
                  "/etc/pam.d/su:2: account line of su, su-l",
                  "/etc/pam.d/su:5: session line of su, su-l",
                  "/etc/pam.d/su:4: password line of su, su-l")

    def test_line_that_other_files_lead_to_is_listed(self):
        path = self.elsewhere(f"# ours\n{SESSION}\n")
        for line in (f"@include {path}", f"session include {path}", f"session substack {path}"):
            with self.subTest(line=line):
                self.stack("login", f"session required pam_permit.so\n{line}\n")
                self.uses(f"{path}:2: session line of login")
        self.stack("login", f"auth include {path}\n")
        self.uses()
        self.stack("login", "@include common-deep\n")
        self.stack("common-deep", f"session substack {path}\n")
        self.uses(f"{path}:2: session line of login")

    def test_file_that_no_service_reads_does_not_count(self):
        for name in ("common-session.pam-old", "common-session-unused", "sshd.dpkg-old", "su~",
                     "login.bak", "login.orig", ".su.swp", "su.rpmsave", "cron.disabled"):
            self.stack(name, f"{SESSION}\n")
        (STACKS / "kept").mkdir()
        (STACKS / "kept/sshd").write_text(f"{SESSION}\n")
        self.elsewhere(f"{SESSION}\n")
        self.uses()
        # But a file of such a name that a service includes does.
        self.append("cron", "@include login.bak")
        self.uses("/etc/pam.d/login.bak:1: session line of cron")

    def test_file_that_cannot_be_read_leaves_no_answer(self):
        self.stack("cron", "# padding\n" * 40000)
        done = call([ctl(), "pam", "--uses"])
        self.assertEqual((2, ""), (done.status, done.out), done)
        self.assertIn("/etc/pam.d/cron: cannot be read", done.err)
        self.stack("cron", "session include /etc\n")
        done = call([ctl(), "pam", "--uses"])
        self.assertEqual((2, ""), (done.status, done.out), done)
        self.assertIn("sandlockctl: /etc: cannot be read", done.err)

    def test_operands_are_refused(self):
        for words in (("--uses", "bare"), ("--uses", "--json")):
            self.assertEqual(2, call([ctl(), "pam", *words]).status)
        self.assertEqual(2, call([ctl(), "show", "--uses", "bare"]).status)


class Removal(ProfileTest):
    """The package's script before it is removed: root gets in afterwards, or nothing has changed.

    The module that the lines name is not there, as if it were removed already.
    """

    def files(self):
        return {path.name: path.read_text() for path in STACKS.iterdir() if path.is_file()}

    def prerm(self, path=None):
        return call(["sh", "-s", "remove"], stdin=PRERM,
                    env={"PATH": f"{path or ctl().parent}:/usr/sbin:/usr/bin:/sbin:/bin",
                         "DEBIAN_FRONTEND": "noninteractive"})

    def assert_removable(self):
        self.assertEqual(1, call(["su", "root", "-c", "true"]).status)
        done = self.prerm()
        self.assertEqual(0, done.status, done)
        self.assertEqual(0, call(["su", "root", "-c", "true"]).status)
        self.assertEqual(0, call([ctl(), "pam", "--uses"]).status)

    def assert_not_removable(self, *said, path=None):
        before = self.files()
        done = self.prerm(path)
        self.assertEqual(1, done.status, done)
        for text in said:
            self.assertIn(text, done.err)
        self.assertEqual(before, self.files())

    def test_enabled_profile_is_taken_out(self):
        self.update("--enable", "sandlock")
        self.assert_removable()

    def test_enabled_profile_with_words_is_taken_out(self):
        self.update("--enable", "sandlock")
        path = STACKS / "common-session"
        path.write_text(path.read_text().replace("pam_sandlock.so", "pam_sandlock.so exempt=bare"))
        self.assert_removable()

    def test_backups_do_not_count(self):
        self.update("--enable", "sandlock")
        self.update("--force")
        self.assertIn("pam_sandlock", (STACKS / "common-session.pam-old").read_text()
                      + (STACKS / "common-session").read_text())
        self.update("--force")
        self.assertIn("pam_sandlock", (STACKS / "common-session.pam-old").read_text())
        self.assert_removable()

    def test_line_of_the_administrator_stops_it(self):
        self.update("--enable", "sandlock")
        self.append("sshd", SESSION)
        number = len((STACKS / "sshd").read_text().splitlines())
        self.assert_not_removable(f"/etc/pam.d/sshd:{number}: session line of sshd",
                                  "Nothing was changed")

    def test_line_outside_of_the_folder_stops_it(self):
        self.update("--enable", "sandlock")
        path = self.conf.parent / "fragment"
        path.write_text(f"{SESSION}\n")
        for line in (f"@include {path}", f"session include {path}", f"session substack {path}"):
            with self.subTest(line=line):
                text = (STACKS / "login").read_text()
                self.append("login", line)
                self.assert_not_removable(f"{path}:1: session line of login")
                self.stack("login", text)
        self.assert_removable()

    def test_line_of_the_administrator_in_a_shared_file_stops_it(self):
        self.update("--enable", "sandlock")
        self.append("common-session", SESSION)
        self.assert_not_removable("/etc/pam.d/common-session:")

    def test_shared_file_that_is_not_managed_any_more_stops_it(self):
        self.update("--enable", "sandlock")
        path = STACKS / "common-session"
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True)
                                if not line.startswith("# and here are more")))
        self.assert_not_removable("/etc/pam.d/common-session:")
        path.write_text("\n".join(line for line in path.read_text().splitlines()
                                  if not line.startswith("#")))
        self.assert_not_removable("/etc/pam.d/common-session:")

    def test_reader_that_is_not_there_stops_it(self):
        self.update("--enable", "sandlock")
        self.assert_not_removable("cannot determine", path="/nonexistent")


class Truth(CtlPam):
    """What is said of su, and whether su then lets a session out: with the real module."""

    def reaches(self, text):
        """True where a command that su runs for bare reaches an address that no policy names."""
        module = PREFIX / "lib/security/pam_sandlock.so"
        self.stack("su", "auth sufficient pam_rootok.so\naccount required pam_permit.so\n"
                         + text.replace("pam_sandlock.so", str(module)))
        listener = self.listen(PUBLIC)
        call(["su", "bare", "-c", f"exec cat </dev/tcp/{PUBLIC}/{listener.port}"])
        return listener.arrivals() > 0

    def test_verdicts_are_what_su_does(self):
        unix, broken = "session required pam_permit.so\n", "[network]\nnet_allow = nonsense\n"
        for text, policy, state, expected in (
                (unix, DRAFT, "uncovered", True),
                (f"{unix}{SESSION} conf={self.conf}\n", DRAFT, "covered", False),
                (f"{unix}{SESSION} conf={self.conf}\n", broken, "covered", False),
                (f"session sufficient pam_permit.so\n{SESSION} conf={self.conf}\n", DRAFT, "open",
                 True),
                (f"{SESSION} conf={self.conf} exempt=bare\n{unix}", DRAFT, "uncovered", True),
                # What the stack leaves open is closed by what a refused login leaves behind.
                (f"{unix}session optional pam_sandlock.so conf={self.conf}\n", broken, "open", False),
                (f"{SESSION} conf={self.conf}\nsession [default=reset] pam_permit.so\n{unix}",
                 broken, "open", False)):
            with self.subTest(text=text, policy=policy):
                self.policy("bare", policy)
                self.assertEqual(expected, self.reaches(text))
                self.assertEqual(state, self.state())

    def test_verdicts_are_what_sshd_does(self):
        permit, rest = "auth required pam_permit.so\n", "account required pam_permit.so\n"
        line = SESSION.replace("pam_sandlock.so", f"{PREFIX}/lib/security/pam_sandlock.so")
        auth = AUTH.replace("pam_sandlock.so", f"{PREFIX}/lib/security/pam_sandlock.so")
        rest += f"session required pam_permit.so\n{line} conf={self.conf}\n"
        for text, state, status in (
                (f"{auth}\n{permit}{rest}", "covered", 0),
                (f"{permit}{auth}\n{rest}", "covered", 0),
                (f"{permit}{rest}", "refused", 255),
                (f"auth sufficient pam_permit.so\n{auth}\n{rest}", "refused", 255)):
            with self.subTest(text=text):
                self.stack("sshd", text)
                done = self.bare.ssh("grep ^Seccomp: /proc/self/status", port=PAM_PORT)
                self.assertEqual(status, done.status, done)
                self.assertEqual("Seccomp:\t2\n" if status == 0 else "", done.out)
                self.assertEqual(state, self.state("sshd"))

    def state(self, name="su"):
        done = call([ctl(), "pam", "--conf", self.conf, "--json", "bare"])
        return next(service["ways"][0]["state"] for service in json.loads(done.out)["services"]
                    if service["service"] == name)


class Sshd(CtlPam):
    CLOSED = "DisableForwarding yes\n"

    def test_use_pam_no_is_not_covered_whatever_the_stack(self):
        self.stack("sshd", f"{AUTH}\nsession required pam_unix.so\n{SESSION}\n")
        self.assertEqual("covered", self.service("sshd", "bare")[0])
        SSHD.write_text(SSHD.read_text().replace("UsePAM yes", "UsePAM no"))
        state, _, findings = self.service("sshd", "bare")
        self.assertEqual("uncovered", state)
        self.assertIn("sshd_config:0: pam_sandlock.so is not called without UsePAM yes", findings)
        self.assertEqual("shell", self.service("sshd", "alice")[0])

    def test_what_the_shell_leaves_open_is_what_sshd_is_set_to(self):
        for text, expected in (
                ("", ["AllowTcpForwarding", "AllowStreamLocalForwarding", "X11Forwarding"]),
                (self.CLOSED, []),
                ("AllowTcpForwarding no\nAllowStreamLocalForwarding no\n", ["X11Forwarding"]),
                (f"{self.CLOSED}PermitUserEnvironment yes\n", ["PermitUserEnvironment"]),
                (f"{self.CLOSED}PermitTunnel yes\n", []),
                (f"{self.CLOSED}ForceCommand internal-sftp -l INFO\n",
                 ["ForceCommand is internal-sftp"]),
                (f"{self.CLOSED}ForceCommand /bin/true\n", []),
                (f"{self.CLOSED}Match User bare\nAllowTcpForwarding yes\n", []),
                ("Match User alice\nDisableForwarding yes\n", []),
                ("Match User alice\nAllowTcpForwarding no\n",
                 ["AllowStreamLocalForwarding", "X11Forwarding"])):
            with self.subTest(text=text):
                self.sshd(text)
                state, leaves, _ = self.service("sshd", "alice")
                self.assertEqual("shell", state)
                self.assertEqual(expected, re.findall(r"\(([^()]*)\)", leaves))

    def test_internal_sftp_as_the_subsystem_is_left_open(self):
        SSHD.write_text(SSHD.read_text().replace("/usr/lib/openssh/sftp-server", "internal-sftp")
                        + self.CLOSED)
        self.assertEqual("sftp (Subsystem is internal-sftp)", self.service("sshd", "alice")[1])

    def test_shell_that_leaves_nothing_open_is_enough(self):
        self.sshd(self.CLOSED)
        (self.conf / "bare.conf").unlink()
        self.follow_advice()
        shutil.copy(Path(self.conf.parent, "pam.d/sshd"), STACKS / "sshd")
        self.assertRegex(self.pam(status=0), r"(?m)^sshd: covered by the shell only: alice$")

    def test_sshd_that_does_not_answer_is_taken_for_the_worst(self):
        self.stack("sshd", f"{AUTH}\nsession required pam_unix.so\n{SESSION}\n")
        SSHD.write_text("NoSuchKeyword yes\n")
        done = call([ctl(), "pam", "--conf", self.conf, "bare"])
        self.assertEqual(1, done.status)
        self.assertRegex(done.out, r"(?m)^/usr/sbin/sshd: no answer to -T")
        self.assertRegex(done.out, r"(?m)^sshd: NOT COVERED: bare$")


class Places(CtlPam):
    def places(self, user="bare"):
        return {place["path"]: (place["service"], place["ways"][0]["state"])
                for place in self.json(user)["places"]}

    def test_place_that_a_later_user_may_not_write_is_of_the_others(self):
        """The ways of those who do not use it are empty."""
        self.follow_advice()
        for users in (("alice", "bare"), ("bare", "alice")):
            with self.subTest(writer=users[0]):
                self.policy(users[0], "[filesystem]\nwrite = %h\n")
                self.policy(users[1], "[filesystem]\nread = /etc\n")
                self.assertRegex(self.pam(status=0), r"(?m)^~/\.ssh/authorized_keys, run by sshd: "
                                                     rf"covered: {users[0]}$")
                (place,) = [place for place in self.json(status=0)["places"]
                            if place["path"] == "~/.ssh/authorized_keys"]
                self.assertEqual([users[0]], [way["user"] for way in place["ways"]])

    def test_files_that_other_programs_run_are_listed_with_them(self):
        self.stack("cron", f"session required pam_unix.so\n{SESSION}\n")
        self.stack("atd", "session required pam_unix.so\n")
        self.stack("systemd-user", "session required pam_unix.so\n")
        self.assertEqual({"~/.ssh/authorized_keys": ("sshd", "uncovered"),
                          "~/.ssh/authorized_keys2": ("sshd", "uncovered"),
                          "~/.ssh/rc": ("sshd", "uncovered"),
                          "crontab(1)": ("cron", "covered"),
                          "at(1)": ("atd", "uncovered"),
                          "~/.config/systemd/user": ("systemd-user", "uncovered")}, self.places())

    def test_rc_file_is_run_by_the_login_shell(self):
        report = self.json("alice")
        ways = {place["path"]: place["ways"][0] for place in report["places"]}
        self.assertTrue(ways["~/.ssh/rc"]["covered"])
        self.assertFalse(ways["~/.ssh/authorized_keys"]["covered"])

    def test_sshd_says_which_files_of_the_home_it_reads(self):
        self.sshd("AuthorizedKeysFile /etc/ssh/keys/%u %h/keys\nPermitUserRC no\n"
                  "PermitUserEnvironment yes\n")
        self.assertEqual({"~/keys", "~/.ssh/environment"},
                         {path for path in self.places() if self.places()[path][0] == "sshd"})

    def test_file_that_the_policy_lets_nobody_write_is_none(self):
        self.stack("systemd-user", "session required pam_unix.so\n")
        self.policy("bare", "[filesystem]\nread = /\nwrite = %h/work /tmp\n")
        self.assertEqual(set(), {path for path in self.places() if path.startswith("~/.ssh")})
        self.policy("bare", "[filesystem]\nread = /\nwrite = %h\n")
        self.assertIn("~/.ssh/rc", self.places())
        self.assertIn("~/.config/systemd/user", self.places())

    def test_mail_server_asks_no_pam(self):
        sendmail = Path("/usr/sbin/sendmail")
        if not sendmail.exists():
            self.assertNotIn("~/.forward", self.places())
            return
        self.assertEqual((None, "uncovered"), self.places()["~/.forward"])


class Users(CtlPam):
    def users(self, status=1):
        return [(user["user"], user["policy"]) for user in self.json(status=status)["users"]]

    def test_users_are_those_whom_a_policy_names(self):
        self.assertEqual([("alice", "alice.conf"), ("bare", "bare.conf")], self.users())
        (self.conf / "bare.conf").unlink()
        self.assertEqual([("alice", "alice.conf")], self.users())

    def test_members_of_a_group_are_named(self):
        subprocess.run(["groupadd", "-U", "bare", "named"], check=True)
        self.addCleanup(subprocess.run, ["groupdel", "named"], check=True)
        self.assertIn("bare", grp.getgrnam("named").gr_mem)
        (self.conf / "bare.conf").rename(self.conf / "@named.conf")
        self.assertEqual([("alice", "alice.conf"), ("bare", "@named.conf")], self.users())

    def test_users_that_a_directory_does_not_list_are_named(self):
        services_put(self, "unlisted")
        SWITCH.write_text("passwd: files unlisted\ngroup: files unlisted\n")
        self.policy("unlisted")
        self.policy("@unlisted-group")
        done = call([ctl(), "pam", "--conf", self.conf, "--json"])
        self.assertEqual([("alice", "alice.conf"), ("bare", "bare.conf"),
                          ("member", "@unlisted-group.conf"), ("unlisted", "unlisted.conf")],
                         [(user["user"], user["policy"]) for user in json.loads(done.out)["users"]])

    def test_default_names_everybody_with_a_login_shell_but_root(self):
        (self.conf / "bare.conf").rename(self.conf / "default.conf")
        users = self.users()
        self.assertIn(("alice", "alice.conf"), users)
        self.assertIn(("bare", "default.conf"), users)
        self.assertFalse({"root", "daemon", "nobody"} & {name for name, _ in users})

    def test_nobody_named_is_nothing_open(self):
        for name in ("alice", "bare"):
            (self.conf / f"{name}.conf").unlink()
        self.assertEqual(f"no policy in {self.conf} applies to any account\n", self.pam(status=0))

    def test_user_without_a_policy_is_not_covered(self):
        (self.conf / "bare.conf").unlink()
        state, _, findings = self.service("su", "bare")
        self.assertEqual(("uncovered", ["bare:0: no policy applies to this account"]),
                         (state, findings))

    def test_wrong_use_is_an_error(self):
        for words, text in ((["nobody-here"], "unknown"), (["root"], "root is never confined"),
                            (["--jason"], "unrecognized option")):
            with self.subTest(words=words):
                done = call([ctl(), "pam", "--conf", self.conf, *words])
                self.assertEqual((2, ""), (done.status, done.out))
                self.assertIn(text, done.err)
        done = call([ctl(), "pam", "--conf", "/nowhere"])
        self.assertEqual((2, "", "sandlockctl: /nowhere: No such file or directory\n"),
                         (done.status, done.out, done.err))
        done = call([ctl(), "status", "--json"])
        self.assertEqual((2, "sandlockctl: --json is only supported by \"pam\"\n"), (done.status, done.err))
