"""No program notices that its calls are performed by somebody else: the same answers as bare."""
from pathlib import Path

from harness import STAGE, SessionTest, full_queue

# Read now: on the private machine the sources may be out of sight.
PROBES = {path.name: path.read_text()
          for path in (Path(__file__).parent / "probes").glob("*.py")}


class Semantics(SessionTest):
    def same(self, name, **values):
        source = "".join(f"{key} = {value!r}\n" for key, value in values.items())
        source += PROBES[name]
        return self.both(lambda who: who.python(source))

    def test_messages_and_bad_arguments_are_answered_as_bare(self):
        server = self.listen()
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{server.port}\n")
        results = self.same("messages.py", PORT=server.port)
        self.assertEqual([1 << 20, True], list(results["stream_of_a_mebibyte"]))
        self.assertEqual([253, 0], list(results["as_many_descriptors_as_may_be"]))

    def test_waiting_connects_are_interrupted_stopped_and_ended_as_bare(self):
        server, hole = self.listen(), full_queue(self)
        STAGE.policy(f"[network]\nnet_allow = 127.0.0.1:{server.port},{hole}\n")
        results = self.same("held.py", PORT=server.port, HOLE=hole)
        self.assertEqual(["EINTR", True], list(results["alarm"]))
        self.assertEqual(["EINPROGRESS", True], list(results["SO_SNDTIMEO"]))
        self.assertEqual([True, True], list(results["stopped with threads"]))
