# SPDX-License-Identifier: BSD-3-Clause
"""System calls that no session may make, tried for real; the filter's tables have unit tests."""
import platform
import unittest

from commands import PYTHON, call
from session_test import DraftTest

# name, arguments, what it answers bare where that is not EPERM as well (None: it is)
REFUSED = [
    ("io_uring_setup", 425, (1, 0), "EFAULT"),
    ("io_uring_enter", 426, (-1, 0, 0, 0), "EBADF"),
    ("io_uring_register", 427, (-1, 0, 0, 0), "EINVAL"),
    ("unshare user", 272, (0x10000000,), None),  # in a chroot
    ("unshare mount", 272, (0x20000,), None),
    ("setns", 308, (-1, 0), "EBADF"),
    ("mount", 165, (0, 0, 0, 0, 0), None),
    ("umount2", 166, (0, 0), None),
    ("fsopen", 430, (0, 0), None),
    ("open_tree", 428, (-1, 0, 0), "EFAULT"),
    ("bpf", 321, (0, 0, 0), None),
    ("perf_event_open", 298, (0, 0, -1, -1, 0), None),
    ("userfaultfd", 323, (0,), None),
    ("init_module", 175, (0, 0, 0), None),
    ("finit_module", 313, (-1, 0, 0), None),
    ("kexec_load", 246, (0, 0, 0, 0), None),
    ("add_key", 248, (0, 0, 0, 0, -3), "EFAULT"),
    ("request_key", 249, (0, 0, 0, -3), "EFAULT"),
    ("keyctl", 250, (0, -3, 0), None),
    ("ioctl TIOCSTI", 16, (0, 0x5412, 0), "ENOTTY"),
    ("ioctl TIOCSTI, high bits set", 16, (0, 0x100005412, 0), "ENOTTY"),
    ("ioctl TIOCLINUX", 16, (0, 0x541C, 0), "ENOTTY"),
]
CALLS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def system_call(number, *words):
    libc.syscall.restype = ctypes.c_long
    result = libc.syscall(*[ctypes.c_long(word) for word in (number, *words)])
    return "ok" if result >= 0 else errno.errorcode.get(ctypes.get_errno(), ctypes.get_errno())
"""


@unittest.skipUnless(platform.machine() == "x86_64", "the numbers are those of x86_64")
class Calls(DraftTest):
    def ask(self, source, policy=""):
        return self.python(CALLS + source, policy)

    def test_refused_calls_are_refused_and_are_not_when_bare(self):
        for name, number, words, bare in REFUSED:
            with self.subTest(call=name):
                source = CALLS + f"answer(system_call(*{(number, *words)}))"
                self.assertEqual("EPERM", self.python(source))
                if bare is not None:
                    got = call([PYTHON, "-"], stdin=self.probe(source)).out.strip()
                    self.assertEqual(f'"{bare}"', got)

    def test_clone_with_namespaces_is_refused(self):
        self.assertEqual("EPERM", self.ask("answer(system_call(56, 0x10000000 | 17, 0, 0, 0, 0))"))

    def test_clone3_sends_libc_to_clone(self):
        self.assertEqual("ENOSYS", self.ask("answer(system_call(435, 0, 0))"))

    def test_second_listener_is_refused(self):
        self.assertEqual("EBUSY", self.ask("answer(system_call(317, 1, 8, 0))"))

    def test_x32_call_is_an_error_and_no_death(self):
        self.assertIn(self.ask("answer(system_call(0x40000000 | 39))"), ("EPERM", "ENOSYS"))

    def test_call_of_the_32_bit_abi_is_an_error_and_no_death(self):
        said = self.ask(r"""
import mmap
# mov eax, 20 (getpid); int 0x80; ret
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
said = function()
answer(errno.errorcode[-said] if said < 0 else "ok")
""")
        self.assertIn(said, ("EPERM", "ENOSYS"))

    def test_fast_open_is_refused_for_every_send(self):
        listener = self.listen()
        said = self.ask(f"""
said = []
for send in (lambda s: s.sendto(b"x", 0x20000000, ("127.0.0.1", {listener.port})),
             lambda s: s.sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", {listener.port}))):
    with socket.socket() as s:
        said.append(attempt(send, s))
answer(said)
""")
        self.assertEqual(["ENOTSUP"] * 2, said)
        self.assertEqual(0, listener.arrivals())

    def test_threads_and_spawn_work_without_clone3(self):
        self.assertEqual([10, 0], self.ask("""
import threading
done = []
threads = [threading.Thread(target=lambda: done.append(1)) for n in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
answer([len(done), subprocess.call(["/bin/true"])])
"""))

    def test_own_child_is_traced(self):
        self.assertEqual("ok", self.ask("""
child = os.fork()
if child == 0:
    time.sleep(100)
said = system_call(101, 16, child, 0, 0)
os.kill(child, 9)
answer(said)
"""))
