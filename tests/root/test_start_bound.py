# SPDX-License-Identifier: BSD-3-Clause
"""A planner, supervisor or name service that never answers: the login is refused, and nothing stays."""
import time
from concurrent.futures import ThreadPoolExecutor

from commands import PYTHON, call, eventually
from name_services import SWITCH, services_put
from pam_callers import keepers
from stage import STAGE
from test_pam import FIRST
from test_pam_failure import FailureTest
from test_pam_open import NOTHING

BOUND = 15
SLEEP = "sleep 1000.125"  # in the place of a program of ours

# As handover.h has it: the message's second descriptor leads to the program that opens the session.
READY_AND_STOPPED = f"""#!{PYTHON} -I
import os, signal, socket, struct
_, descriptors, *_ = socket.recv_fds(socket.socket(fileno=3), 64, 16)
os.write(descriptors[1], struct.pack("ii", 1, 0))
os.kill(os.getpid(), signal.SIGSTOP)
os.execlp({', '.join(repr(word) for word in ("sleep", *SLEEP.split()))})
"""


class Hung(FailureTest):
    def setUp(self):
        super().setUp()
        STAGE.policy(NOTHING)
        self.with_words()
        self.stack("sshd", first=FIRST)
        self.ways = {"su": lambda: self.su(command="echo in"),
                     "ssh": lambda: self.ssh("echo in"),
                     "shell": lambda: self.confined.ssh("echo in")}

    def timed(self, way):
        start = time.monotonic()
        return way(), time.monotonic() - start

    def assert_bounded(self, line, **statuses):
        """Each of these ways is refused, all at the same time."""
        with ThreadPoolExecutor(len(statuses)) as pool:
            tried = {name: pool.submit(self.timed, self.ways[name]) for name in statuses}
        for name, status in statuses.items():
            done, seconds = tried[name].result()
            with self.subTest(way=name):
                self.assertEqual((done.status, done.out), (status, ""), done)
                self.assertGreater(seconds, BOUND - 1)
                self.assertLess(seconds, BOUND + 10)
        self.log.wait(line)
        eventually(lambda: not keepers(), f"nothing is left of {keepers()}")
        self.assertEqual("", call(["pgrep", "-fx", SLEEP]).out)
        self.root_enters()

    def test_planner_that_never_ends_is_ended(self):
        with self.moved(self.program("sandlock-planner"), f"#!/bin/sh\nexec {SLEEP}\n"):
            self.assert_bounded("login refused: .*sandlock-planner did not end in time.* user=dora",
                                su=1, ssh=255, shell=125)
        self.log.wait(r"login refused: .*sandlock-planner did not end in time.* uid=\d")

    def test_planner_that_is_stopped_is_ended(self):
        with self.moved(self.program("sandlock-planner"),
                        f"#!/bin/sh\nkill -STOP $$\nexec {SLEEP}\n"):
            self.assert_bounded("login refused: .*sandlock-planner did not end in time.* user=dora",
                                su=1, shell=125)

    def test_supervisor_that_never_answers_is_ended(self):
        with self.moved(self.program("sandlock-supervisor"), f"#!/bin/sh\nexec {SLEEP}\n"):
            self.assert_bounded("login refused: the supervisor did not answer in time user=dora",
                                su=1, ssh=255, shell=125)
        self.log.wait(r"login refused: the supervisor did not answer in time uid=\d")

    def test_supervisor_stopped_before_the_listener_is_ended(self):
        """It has given up root, and says so."""
        with self.moved(self.program("sandlock-supervisor"), READY_AND_STOPPED):
            self.assert_bounded("login refused: the supervisor did not answer in time user=dora",
                                su=1, ssh=255)

    def test_waits_of_one_start_share_its_bound(self):
        planner = self.program("sandlock-planner")
        late = f"#!/bin/sh -p\nsleep 12\nexec {planner}.away \"$@\"\n"
        with self.moved(planner, late), \
                self.moved(self.program("sandlock-supervisor"), f"#!/bin/sh\nexec {SLEEP}\n"):
            self.assert_bounded("login refused: the supervisor did not answer in time user=dora",
                                su=1, shell=125)

    def test_name_service_that_never_answers_refuses(self):
        """It knows groups alone, after which a file of policies asks."""
        STAGE.policy(NOTHING, "@students")
        self.addCleanup(STAGE.policy, None, "@students")
        STAGE.policy(None, "dora")
        services_put(self, "hung")
        SWITCH.write_text("passwd: files\ngroup: files hung\n")
        self.assert_bounded("login refused: .*sandlock-planner did not end in time.* user=dora", su=1)
