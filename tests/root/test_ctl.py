# SPDX-License-Identifier: BSD-3-Clause
"""sandlockctl by root, over a directory of policies: each answer and each way to refuse one."""
import grp
import os
import subprocess
import tempfile
from pathlib import Path

from commands import call
from session_test import SessionTest
from stage import ctl


class CtlTest(SessionTest):
    """`self.ctl` reads `self.conf`, a directory of its own in which `self.write` puts files."""

    def setUp(self):
        super().setUp()
        scratch = tempfile.TemporaryDirectory(prefix="sandlock-ctl.")
        self.addCleanup(scratch.cleanup)
        self.conf = Path(scratch.name)
        self.conf.chmod(0o755)

    def write(self, name, text="[network]\nnet_allow = 192.0.2.1:80\n"):
        path = self.conf / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def ctl(self, command, *words, **options):
        return call([ctl(), command, "--conf", self.conf, *words], **options)

    def group(self, name, *members):
        subprocess.run(["groupadd", "-U", ",".join(members), name], check=True)
        self.addCleanup(subprocess.run, ["groupdel", name], check=True)
        return grp.getgrnam(name)


class Check(CtlTest):
    def test_every_policy_of_the_directory_is_reported(self):
        for name in ("alice.conf", "default.conf", "web.inc"):
            self.write(name)
        done = self.ctl("check")
        self.assertEqual((0, ""), (done.status, done.err))
        self.assertEqual([f"{self.conf}/{name}: ok" for name in
                          ("alice.conf", "default.conf", "web.inc")], done.out.splitlines())

    def test_one_bad_file_is_an_error_and_the_others_are_still_read(self):
        self.write("alice.conf", "[network]\nnet_allow = 192.0.2.1\n")
        self.write("default.conf")
        done = self.ctl("check")
        self.assertEqual((1, f"{self.conf}/default.conf: ok\n"), (done.status, done.out))
        self.assertIn(f"{self.conf}/alice.conf:2: ", done.err)

    def test_other_names_are_said_to_be_ignored(self):
        for name in ("alice.conf~", "README", ".conf", "@.conf"):
            self.write(name)
        done = self.ctl("check")
        self.assertEqual((0, ""), (done.status, done.out))
        for name in ("alice.conf~", "README", ".conf", "@.conf"):
            self.assertIn(f"{self.conf}/{name}: ignored", done.err)

    def test_domains_that_udp_makes_useless_are_a_warning(self):
        domain = "[network]\nnet_allow = www.example.org:443 *.example.com:443\n"
        for more, warned in (("", False), ("net_deny = udp://*:1900\n", False),
                             ("net_allow.t = udp://192.0.2.1:123\n", True), ("allow_udp = yes\n", True),
                             ("udp_answer = 60000\n", True)):
            with self.subTest(more=more):
                path = self.write("alice.conf", domain + more)
                done = self.ctl("check")
                self.assertEqual((0, f"{path}: ok\n"), (done.status, done.out), done)
                warning = (f'{path}:2: warning: "*.example.com" allows nothing: dns = filtered is not available '
                           "where a rule or udp_answer opens UDP\n")
                self.assertEqual(warning if warned else "", done.err)

    def test_unknown_user_is_a_warning(self):
        self.write("nobody-here.conf")
        done = self.ctl("check")
        self.assertEqual(0, done.status)
        self.assertIn('nobody-here.conf: warning: there is no user "nobody-here"', done.err)

    def test_unknown_group_is_an_error(self):
        path = self.write("@nobody-here.conf")
        done = self.ctl("check")
        self.assertEqual((1, ""), (done.status, done.out))
        self.assertIn('@nobody-here.conf: there is no group "nobody-here"', done.err)
        self.assertEqual(1, self.ctl("check", path).status)

    def test_policy_of_root_is_a_warning(self):
        self.write("root.conf")
        done = self.ctl("check")
        self.assertEqual(0, done.status)
        self.assertIn("root.conf: warning: root is never confined", done.err)

    def test_second_group_that_matches_a_user_is_a_warning(self):
        for name in ("first", "second"):
            self.group(name, "alice")
            self.write(f"@{name}.conf")
        done = self.ctl("check")
        self.assertEqual(0, done.status)
        self.assertIn('@second.conf: warning: user "alice" is in this group, '
                      "but @first.conf applies", done.err)
        self.write("alice.conf")
        self.assertNotIn("applies", self.ctl("check").err)

    def test_missing_directory_is_an_error(self):
        done = call([ctl(), "--conf", self.conf / "none", "check"])
        self.assertEqual(1, done.status)
        self.assertIn("No such file", done.err)

    def test_empty_directory_is_a_warning(self):
        done = self.ctl("check")
        self.assertEqual((0, f"{self.conf}: warning: no policies\n"), (done.status, done.err))

    def test_file_of_another_owner_is_accepted_as_a_draft_only(self):
        path = self.write("alice.conf")
        os.chown(path, self.confined.uid, -1)
        done = self.ctl("check")
        self.assertEqual(1, done.status)
        self.assertIn(f"owned by uid {self.confined.uid}, should be 0", done.err)
        draft = self.confined.write("draft.conf", "[network]\n")
        self.assertEqual(0, self.confined.run([ctl(), "check", draft]).status)

    def test_missing_file_is_an_error(self):
        done = self.ctl("check", self.conf / "none.conf")
        self.assertEqual((1, ""), (done.status, done.out))
        self.assertTrue(done.err)


class Answers(CtlTest):
    def refused(self, done, status, text):
        self.assertEqual((status, ""), (done.status, done.out), done)
        self.assertIn(text, done.err)

    def test_rule_that_decides_is_named_with_file_and_line(self):
        path = self.write("alice.conf", "[network]\nnet_allow = 192.0.2.0/24:80\n"
                                        "net_deny = 192.0.2.9:80\nnet_bind = 8080\n")
        for question, status, answer in (
                ("tcp://192.0.2.1:80", 0, f'rule "192.0.2.0/24:80" at {path}:2'),
                ("tcp://192.0.2.9:80", 1, f'rule "192.0.2.9:80" at {path}:3'),
                ("tcp://[2001:db8::1]:80", 1, "no rule matches (default)"),
                ("udp://192.0.2.1:80", 1, "no rule matches (default)"),
                ("192.0.2.1:80", 0, f'rule "192.0.2.0/24:80" at {path}:2'),
                ("[2001:db8::1]:80", 1, "no rule matches (default)"),
                ("bind:8080", 0, "net_bind lists it"),
                ("bind:0", 1, "net_bind does not list it")):
            with self.subTest(question=question):
                done = self.ctl("test", "alice", question)
                self.assertEqual((status, ""), (done.status, done.err))
                self.assertIn(answer, done.out)

    def test_port_that_is_listed_for_an_address(self):
        self.write("alice.conf", "[network]\nnet_bind = 80 @loopback:8000-8010,0 192.0.2.1:8000 10.0.0.0/8:8001\n")
        for question, status, answer in (
                ("bind:80", 0, "net_bind lists it"),
                ("bind:192.0.2.9:80", 0, "net_bind lists it"),
                ("bind:8000", 0, "net_bind lists it for @loopback, 192.0.2.1 only"),
                ("bind:8001", 0, "net_bind lists it for @loopback, 10.0.0.0/8 only"),
                ("bind:0", 0, "net_bind lists it for @loopback only"),
                ("bind:127.0.0.1:8000", 0, "net_bind lists it"),
                ("bind:127.0.0.1:0", 0, "net_bind lists it"),
                ("bind:[::1]:8000", 0, "net_bind lists it"),
                ("bind:0.0.0.0:8000", 1, "net_bind lists it for @loopback, 192.0.2.1 only"),
                ("bind:192.0.2.2:8000", 1, "net_bind lists it for @loopback, 192.0.2.1 only"),
                ("bind:127.0.0.1:8011", 1, "net_bind does not list it"),
                ("bind:8011", 1, "net_bind does not list it")):
            with self.subTest(question=question):
                done = self.ctl("test", "alice", question)
                word = "refused" if status else "allowed"
                self.assertEqual((status, f"{word}: {question}: {answer}\n", ""),
                                 (done.status, done.out, done.err))

    def test_what_a_session_alone_can_decide(self):
        path = self.write("alice.conf", "[network]\nnet_allow = @own:8000\nnet_deny = 127.0.0.9:8000 192.0.2.9:*\n"
                                        "udp_answer = 60000\n")
        own = "allowed if a program in a session of the same user listens there"
        answers = "no rule matches; a socket bound to a port of udp_answer may send there"
        for question, status, said, answer in (
                ("127.0.0.1:8000", 0, own, f'127.0.0.1:8000: rule "@own:8000" at {path}:2'),
                ("tcp://[::1]:8000", 0, own, f'[::1]:8000: rule "@own:8000" at {path}:2'),
                ("127.0.0.9:8000", 1, "refused", f'127.0.0.9:8000: rule "127.0.0.9:8000" at {path}:3'),
                ("192.0.2.1:8000", 1, "refused", "192.0.2.1:8000: no rule matches (default)"),
                ("udp://127.0.0.1:8000", 1, "refused", f"127.0.0.1:8000: {answers}"),
                ("udp://192.0.2.1:53", 1, "refused", f"192.0.2.1:53: {answers}"),
                ("udp://192.0.2.9:53", 1, "refused", f'192.0.2.9:53: rule "192.0.2.9:*" at {path}:3'),
                ("udp://224.0.0.1:53", 1, "refused", "224.0.0.1:53: no rule matches (default)")):
            with self.subTest(question=question):
                done = self.ctl("test", "alice", question)
                self.assertEqual((status, f"{said}: {question}: {answer}\n", ""),
                                 (done.status, done.out, done.err))

    def test_malformed_question_has_no_answer(self):
        self.write("alice.conf")
        for question in ("192.0.2.1", "192.0.2.1:x", ":80", "tcp://192.0.2.1", "tcp://192.0.2.1:0", "tcp://:80",
                         "tcp://2001:db8::1:80", "tcp://192.0.2.1:65536", "bind:x", "bind:65536",
                         "bind::80", "bind:::1:80", "bind:[::1]", "bind:[127.0.0.1]:80", "bind:name:80"):
            with self.subTest(question=question):
                self.refused(self.ctl("test", "alice", question), 2, "expected ")

    def test_file_that_is_yet_to_be_made_is_judged_by_its_directory(self):
        self.write("alice.conf", "[filesystem]\nread = /\nwrite = /tmp\n")
        for question, status in (("write:/tmp/none", 0), ("write:/etc/none", 1), ("write:/none", 1),
                                 ("read:/none", 0)):
            with self.subTest(question=question):
                done = self.ctl("test", "alice", question)
                self.assertEqual((status, ""), (done.status, done.err))
        self.refused(self.ctl("test", "alice", "write:/none/none"), 2, "expected ")

    def test_name_that_does_not_resolve_has_no_answer(self):
        self.write("alice.conf")
        self.refused(self.ctl("test", "alice", "tcp://none.invalid:80"), 2, "none.invalid: ")

    def test_user_without_an_answer(self):
        for command, words in (("test", ["bind:1"]), ("show", [])):
            with self.subTest(command=command):
                self.refused(self.ctl(command, "nobody-here", *words), 2, "unknown")
                self.refused(self.ctl(command, "root", *words), 2, "root is never confined")
                self.refused(self.ctl(command, "alice", *words), 2, "no policy")

    def test_directory_that_is_missing_has_no_answer(self):
        self.conf = self.conf / "none"
        for command, words in (("test", ["bind:1"]), ("show", [])):
            with self.subTest(command=command):
                self.refused(self.ctl(command, "alice", *words), 2,
                             f"{self.conf}: cannot be looked up")

    def test_bad_policy_has_no_answer(self):
        path = self.write("alice.conf", "[network]\nnet_allow = 192.0.2.1\n")
        for command, words in (("test", ["bind:1"]), ("show", [])):
            with self.subTest(command=command):
                self.refused(self.ctl(command, "alice", *words), 2, f"{path}:2: ")


class Drafts(CtlTest):
    """A FILE outside of the directory of policies."""

    def setUp(self):
        super().setUp()
        scratch = tempfile.TemporaryDirectory(prefix="sandlock-draft.")
        self.addCleanup(scratch.cleanup)
        self.place = Path(scratch.name)
        self.place.chmod(0o755)
        self.draft = self.file("draft.conf", "[policy]\ninclude = shared\n[network]\n"
                                             "net_allow = 192.0.2.2:80\n")

    def file(self, name, text):
        path = self.place / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def test_fragment_of_the_directory_is_found_where_none_is_beside(self):
        done = self.ctl("check", self.draft)
        self.assertEqual(1, done.status)
        self.assertIn(f"{self.place}/shared.inc: No such file", done.err)
        shipped = self.write("shared.inc")
        self.assertEqual(f"{self.draft}: ok\n", self.ctl("check", self.draft).out)
        done = self.ctl("test", self.draft, "192.0.2.1:80")
        self.assertEqual((0, ""), (done.status, done.err))
        self.assertIn(f"at {shipped}:2", done.out)
        beside = self.file("shared.inc", "[network]\nnet_allow = 192.0.2.3:80\n")
        self.assertEqual(1, self.ctl("test", self.draft, "192.0.2.1:80").status)
        self.assertIn(f"at {beside}:2", self.ctl("test", self.draft, "192.0.2.3:80").out)

    def test_session_of_a_draft_has_the_fragment_too(self):
        self.write("shared.inc", "[network]\nnet_bind = 8080\n")
        done = self.bare.run([ctl(), "run", "--conf", self.conf, self.draft, "--", "true"])
        self.assertEqual((0, ""), (done.status, done.err))

    def test_draft_is_shown_and_asked(self):
        self.write("shared.inc")
        done = self.ctl("show", self.draft)
        self.assertEqual((0, ""), (done.status, done.err))
        self.assertTrue(done.out.startswith(f"{self.draft}: applies to root"), done.out)
        self.assertIn(f"{self.draft}:4: [network] net_allow = 192.0.2.2:80\n", done.out)
        for question, status in (("192.0.2.2:80", 0), ("192.0.2.9:80", 1)):
            self.assertEqual(status, self.ctl("test", self.draft, question).status)

    def test_draft_named_after_a_user_is_expanded_for_them(self):
        draft = self.file("alice.conf", "[filesystem]\nwrite = %h\n")
        self.assertIn("applies to alice", self.ctl("show", draft).out)
        self.assertEqual(0, self.ctl("test", draft, f"write:{self.confined.home}").status)

    def test_bad_draft_has_no_answer(self):
        draft = self.file("bad.conf", "[network]\nnet_allow = 192.0.2.1\n")
        for words in (("show", draft), ("test", draft, "192.0.2.1:80")):
            done = self.ctl(*words)
            self.assertEqual((2, ""), (done.status, done.out))
            self.assertIn(f"{draft}:2: ", done.err)

    def test_text_that_not_everybody_may_read_is_not_shown(self):
        draft = self.file("secret.conf", "[policy]\ndescription = hidden\n")
        draft.chmod(0o600)
        for words in (("show", draft), ("test", draft, "192.0.2.1:80")):
            done = self.ctl(*words)
            self.assertEqual((2, ""), (done.status, done.out))
            self.assertIn("not everybody may read it", done.err)


class Status(CtlTest):
    def test_session_does_not_claim_that_sessions_are_refused(self):
        self.write("alice.conf", "[network]\n")
        bare = call([ctl(), "status"])
        done = self.ctl("run", "alice", "--", ctl(), "status")
        for answer in (bare, done):
            self.assertEqual((0, ""), (answer.status, answer.err))
            self.assertNotIn("MISSING", answer.out)
        self.assertIn("this process is in a sandlock session\n", done.out)
        self.assertNotIn("in a sandlock session", bare.out)
        kinds = [[line[:10] for line in answer.out.splitlines() if line.startswith("  yes")]
                 for answer in (bare, done)]
        self.assertEqual(*kinds)

    def test_users_of_pam_are_listed_with_their_services(self):
        su = Path("/etc/pam.d/su")
        self.addCleanup(su.write_text, su.read_text())
        self.write("bare.conf")
        self.assertIn("\nusers confined by pam_sandlock.so:\n  none\n", self.ctl("status").out)
        su.write_text(su.read_text() + "session required pam_sandlock.so\n")
        self.assertRegex(self.ctl("status").out, rf"(?m)^  bare +{self.conf}/bare.conf: su, su-l$")
        self.assertIn("users confined by pam_sandlock.so:\n  none\n",
                      call([ctl(), "status", "--conf", "/nonexistent"]).out)


class Options(CtlTest):
    def test_directory_is_given_before_and_behind_the_subcommand(self):
        path = self.write("alice.conf")
        for words in (("--conf", self.conf, "show", "alice"), ("show", "--conf", self.conf, "alice"),
                      ("show", "alice", "--conf", self.conf)):
            with self.subTest(words=words):
                done = call([ctl(), *words])
                self.assertEqual((0, ""), (done.status, done.err))
                self.assertTrue(done.out.startswith(f"{path}: applies to alice "), done)

    def test_help_of_a_subcommand_is_its_own(self):
        for command in ("check", "status", "show", "test", "run"):
            with self.subTest(command=command):
                done = call([ctl(), command, "--help"])
                self.assertEqual((0, ""), (done.status, done.err))
                self.assertEqual(1, done.out.count("sandlockctl "))
                self.assertTrue(done.out.startswith(f"usage: sandlockctl {command}"), done)

    def test_wrong_use_is_told_in_one_line(self):
        for words, text in ((("show",), "usage: sandlockctl show USER|FILE"),
                            (("status", "alice"), "usage: sandlockctl status"),
                            (("check", "--conf"), "option '--conf' requires an argument"),
                            (("check", "--nonsense"), "unrecognized option '--nonsense'")):
            with self.subTest(words=words):
                done = call([ctl(), *words])
                self.assertEqual((2, "", f"sandlockctl: {text}\n"),
                                 (done.status, done.out, done.err))


class Run(CtlTest):
    def test_root_becomes_the_user(self):
        self.write("alice.conf")
        done = self.ctl("run", "alice", "--", "sh", "-c",
                        "id -un; id -gn; echo $HOME $USER $LOGNAME; grep Seccomp: "
                        "/proc/self/status")
        self.assertEqual((0, ""), (done.status, done.err))
        self.assertEqual(f"alice\nalice\n{self.confined.home} alice alice\nSeccomp:\t2\n", done.out)

    def test_status_is_that_of_the_command(self):
        self.write("alice.conf")
        for command, status in ((["sh", "-c", "exit 42"], 42), (["no-such-program"], 127),
                                (["/etc/passwd"], 126)):
            with self.subTest(command=command):
                self.assertEqual(status, self.ctl("run", "alice", "--", *command).status)

    def test_what_has_no_session_is_refused(self):
        draft = self.write("draft.conf")
        for subject, status, text in (("root", 125, "root is never confined"),
                                      ("nobody-here", 125, "unknown"),
                                      ("alice", 125, "no policy"),
                                      (draft, 2, "root is never confined")):
            with self.subTest(subject=subject):
                done = self.ctl("run", subject, "--", "true")
                self.assertEqual((status, ""), (done.status, done.out), done)
                self.assertIn(text, done.err)

    def test_nobody_but_root_runs_as_another_user(self):
        done = self.bare.run([ctl(), "run", "alice", "--", "true"])
        self.assertEqual((125, ""), (done.status, done.out))
        self.assertIn('cannot become user "alice"', done.err)

    def test_missing_command_is_wrong_use(self):
        for words in (("alice",), ("alice", "--")):
            with self.subTest(words=words):
                self.assertEqual(2, self.ctl("run", *words).status)
