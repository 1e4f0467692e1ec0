"""Programs that open PAM sessions in their own process: su, login, sudo, cron and the like."""
import re

import openers
from harness import STAGE
from machine import PUBLIC
from test_pam import PamTest


def for_each(programs):
    """Makes a test method of `case.each_NAME(program)` for each program."""
    def fill(case):
        for name in [name for name in dir(case) if name.startswith("each_")]:
            for program in programs:
                def test(self, name=name, program=program):
                    getattr(self, name)(program)
                words = re.sub(r"(?<!^)(?=[A-Z])", "_", program.__name__).lower()
                setattr(case, f"test_{words}_{name.removeprefix('each_')}", test)
        return case
    return fill


class OpenTest(PamTest):
    def opened(self, program, words=""):
        """Puts our line into the stacks of `program`."""
        for service in program.services:
            self.stack(service, words=words)


@for_each(openers.ALL)
class Reach(OpenTest):
    """The same rules by every program, shown by live listeners."""

    def each_reaches_what_the_policy_names(self, program):
        listed, other = self.listen(PUBLIC), self.listen(PUBLIC)
        command = "; ".join(f"cat </dev/tcp/{PUBLIC}/{seen.port}" for seen in (listed, other))
        run = program(self.dora).run
        self.assertEqual(run(command).out.replace("\r", ""), "hello\nhello\n", "without the module")
        self.assertEqual((listed.arrivals(), other.arrivals()), (1, 1))
        STAGE.policy(f"[network]\nnet_allow = {PUBLIC}:{listed.port}\n", "dora")
        self.opened(program)
        done = run(command)
        self.assertEqual(done.out.replace("\r", "").splitlines()[0], "hello", done)
        self.assertIn("Permission denied", done.out + done.err)
        self.assertEqual((listed.arrivals(), other.arrivals()), (1, 0))
        self.log.wait(rf"denied user=dora .*destination={PUBLIC}:{other.port} rule=default")
