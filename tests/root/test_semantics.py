# SPDX-License-Identifier: BSD-3-Clause
"""No program notices that its calls are performed by somebody else: the same answers as bare."""
import re
import socket
from itertools import zip_longest
from pathlib import Path

from accounts import PROBE
from commands import PYTHON, SOAK_SECONDS
from listeners import full_queue
from session_test import SessionTest
from stage import STAGE, probe_program

# Read now: on the private machine the sources may be out of sight.
PROBES = {path.name: path.read_text()
          for path in (Path(__file__).parent / "probes").glob("*.py")}

SEEDS = 3000 if SOAK_SECONDS else 400  # of odd calls, a dozen each


class Semantics(SessionTest):
    def same(self, name, **values):
        source = "".join(f"{key} = {value!r}\n" for key, value in values.items())
        source += PROBES[name]
        return self.both(lambda who: who.python(source))

    def test_messages_and_bad_arguments_are_answered_as_bare(self):
        server = self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{server.port}\n")
        results = self.same("message_answers.py", PORT=server.port)
        self.assertEqual([1 << 20, True], list(results["stream_of_a_mebibyte"]))
        self.assertEqual([253, 0], list(results["as_many_descriptors_as_may_be"]))

    def test_waiting_connects_are_interrupted_and_stopped_as_bare(self):
        server, hole = self.listen(), full_queue(self)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{server.port},{hole}\n")
        results = self.same("pending_connects.py", PORT=server.port, HOLE=hole)
        self.assertEqual(["EINTR", True], list(results["alarm"]))
        self.assertEqual(["EINPROGRESS", True], list(results["SO_SNDTIMEO"]))
        self.assertEqual([True, True], list(results["stopped with threads"]))

    def lines(self, name, *words):
        """What a program of probes/ says, which is the same bare and inside."""
        command = " ".join(map(str, ("exec", probe_program(name), *words)))
        done = self.both(lambda who: vars(who.su(command)))
        self.assertEqual((0, ""), (done["status"], done["err"]))
        return done["out"].splitlines()

    def test_calls_on_behalf_answer_as_bare(self):
        server, hole, closed = self.listen(), full_queue(self), self.listen()
        self.listen(port=server.port, kind=socket.SOCK_DGRAM)
        closed.close()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{server.port},{hole},{closed.port} "
                     f"[::1]:{server.port},{closed.port}\nallow_udp = yes\n"
                     f"net_bind = 0 {closed.port}\n")
        for part, count in (("sends", 65), ("connects", 21), ("unix_connects", 29),
                            ("datagrams", 88)):
            with self.subTest(part=part):
                lines = self.lines("performed_calls", part, server.port, hole, closed.port)
                self.assertGreaterEqual(len(lines), count)

    def test_policy_without_files_moves_names_between_directories(self):
        for policy in ("", "[network]\nnet_allow = *:443\n",
                       "[network]\nnet_allow = *:*\nnet_bind = *\n"):
            STAGE.policy(policy)
            with self.subTest(policy=policy):
                said = self.both(lambda who: who.python("""
import tempfile
with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
    open(one + "/file", "w").close()
    answer([attempt(os.link, one + "/file", two + "/link"),
            attempt(os.rename, one + "/file", two + "/file")])
"""))
                self.assertEqual(["ok", "ok"], said)

    def test_status_of_a_program_that_ends_slowly_is_told(self):
        server = self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{server.port}\n")
        work = f"""
import mmap
memory = mmap.mmap(-1, 200 << 20)
memory.madvise(mmap.MADV_NOHUGEPAGE)
memory[::4096] = bytes(len(memory) // 4096)
socket.socket().connect(("127.0.0.1", {server.port}))
os._exit(7)
"""
        for _ in range(8):
            self.assertEqual(7, self.confined.su(f"exec {PYTHON} -", stdin=PROBE + work).status)

    def test_signal_for_a_process_interrupts_the_kernel_s_choice(self):
        hole = full_queue(self)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{hole}\n")
        lines = self.lines("signal_in_connect", hole)
        self.assertEqual("the leader waits too: handled 1, waiting 5, interrupted 1, others 0",
                         lines[0])
        self.assertEqual("the leader blocks it: handled 1, waiting 6, interrupted 0, others 0",
                         lines[-1])


class Odd(SessionTest):
    """Odd arguments in random order; the policy allows all that the language can allow."""

    POLICY = ("[network]\nnet_allow = *:*\nallow_udp = yes\nallow_icmp = yes\nnet_bind = *\n"
              "unix_allow = /* @*\n")

    @staticmethod
    def told(who, first, count):
        """What the program said of each seed."""
        done = who.su(f"exec {probe_program('random_calls')} {first} {count}", timeout=300)
        if (done.status, done.err) != (0, ""):
            raise AssertionError(f"{who.name}: {done.status} {done.err}")
        seeds = {}
        for line in done.out.splitlines():
            if number := re.match(r"(\d+)\.", line):
                seed = int(number.group(1))
            seeds.setdefault(seed, []).append(line)
        return seeds

    def different(self, first, count):
        """{seed: its first line that is another one inside}."""
        bare, inside = (self.told(who, first, count) for who in (self.bare, self.confined))
        self.assertEqual(count, len(bare))
        return {seed: next((f"bare {one}", f"inside {other}")
                           for one, other in zip_longest(lines, inside[seed]) if one != other)
                for seed, lines in bare.items() if lines != inside[seed]}

    def test_odd_calls_in_random_order_answer_as_bare(self):
        """A difference counts where it comes three times: the network has a pace of its own."""
        wrong = {}
        for first in range(1, SEEDS, 100):
            for seed in self.different(first, 100):
                again = [self.different(seed, 1) for _ in range(2)]
                if all(again):
                    wrong |= again[0]
        self.assertEqual({}, wrong)
