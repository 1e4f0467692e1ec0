# SPDX-License-Identifier: BSD-3-Clause
"""Connects that wait, and what may happen to them meanwhile.

Read by test_semantics.py behind the common probe; `HOLE` is a port whose queue is full, `PORT` one that answers.
"""
import ctypes
import struct
import threading

libc = ctypes.CDLL(None, use_errno=True)
results = {}


def connect(port, client=None):
    client = client or socket.socket()
    address = struct.pack("HH", socket.AF_INET, socket.htons(port)) + bytes([127, 0, 0, 1] + [0] * 8)
    if libc.connect(client.fileno(), address, len(address)) == 0:
        return "ok"
    return errno.errorcode[ctypes.get_errno()]


def waits(call):
    """What `call` returned, and whether it took between 0.2 and 1.5 seconds."""
    start = time.monotonic()
    result = call()
    return result, 0.2 < time.monotonic() - start < 1.5


def interrupted():
    signal.setitimer(signal.ITIMER_REAL, 0.4)
    return connect(HOLE)


def timed():
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 400000))
    return connect(HOLE, client)


def child(threads):
    """Stopped in the middle, continued, killed: each at once."""
    pid = os.fork()
    if pid == 0:
        for _ in range(threads):
            threading.Thread(target=connect, args=(HOLE,), daemon=True).start()
        if not threads:
            connect(HOLE)
        time.sleep(20)
        os._exit(0)
    time.sleep(0.3)
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    _, status = os.waitpid(pid, os.WUNTRACED)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return os.WIFSTOPPED(status), time.monotonic() - start < 1


def twice(port, blocking):
    client = socket.socket()
    client.setblocking(blocking)
    return connect(port, client), connect(port, client)


signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, True)
results["alarm"] = waits(interrupted)
signal.siginterrupt(signal.SIGALRM, False)
results["SO_SNDTIMEO"] = waits(timed)
results["nonblocking twice"] = twice(HOLE, False)
results["connected twice"] = twice(PORT, True)
results["stopped"] = child(0)
results["stopped with threads"] = child(3)
answer(results)
