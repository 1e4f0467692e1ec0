# SPDX-License-Identifier: BSD-3-Clause
"""Sends of every kind, and calls with bad arguments: what the kernel answers, a name for each.

Read by test_semantics.py behind the common probe; `PORT` is a TCP port that may be reached.
"""
import array
import ctypes
import struct
import threading

libc = ctypes.CDLL(None, use_errno=True)
results = {}


def case(function):
    try:
        results[function.__name__] = function()
    except OSError as error:
        results[function.__name__] = errno.errorcode.get(error.errno, repr(error))
    return function


def raw(name, *arguments):
    result = getattr(libc, name)(*arguments)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def read_all(source, length):
    data = b""
    while len(data) < length:
        part = source.recv(65536)
        if not part:
            break
        data += part
    return data


def through(kind, length):
    """A message in three parts through a socket pair whose reader is late."""
    left, right = socket.socketpair(socket.AF_UNIX, kind)
    data = os.urandom(length)
    got = []
    reader = threading.Thread(target=lambda: got.append(
        read_all(right, length) if kind == socket.SOCK_STREAM else right.recv(1 << 20)))
    reader.start()
    time.sleep(0.1)
    sent = left.sendmsg([data[:1000], data[1000:70000], data[70000:]])
    reader.join()
    return sent, got[0] == data


@case
def stream_of_a_mebibyte():
    return through(socket.SOCK_STREAM, 1 << 20)


@case
def seqpacket_of_100k():
    return through(socket.SOCK_SEQPACKET, 100000)


@case
def datagram_of_100k():
    return through(socket.SOCK_DGRAM, 100000)


@case
def datagram_too_long():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendmsg([b"x" * 1000000])


def broken_pipe(flags):
    left, right = socket.socketpair()
    right.close()
    signals = []
    signal.signal(signal.SIGPIPE, lambda *_: signals.append(1))
    return attempt(left.sendmsg, [b"x"], [], flags), len(signals)


@case
def broken_pipe_signals():
    return broken_pipe(0)


@case
def broken_pipe_without_signal():
    return broken_pipe(socket.MSG_NOSIGNAL)


@case
def full_buffer_with_dontwait():
    left, _right = socket.socketpair()
    while True:
        left.sendmsg([b"x" * 65536], [], socket.MSG_DONTWAIT)


@case
def nonblocking_send_is_partial():
    left, _right = socket.socketpair()
    left.setblocking(False)
    return 0 < left.sendmsg([b"x" * (8 << 20)]) < 8 << 20


def pass_descriptors(count):
    left, right = socket.socketpair()
    numbers = [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))])
    _, control, flags, _ = right.recvmsg(10, 4 * count + 64)
    return len(control[0][2]) // 4, flags


@case
def one_descriptor():
    return pass_descriptors(1)


@case
def as_many_descriptors_as_may_be():
    return pass_descriptors(253)


@case
def a_descriptor_too_many():
    return pass_descriptors(254)


@case
def descriptor_that_is_none():
    return socket.socketpair()[0].sendmsg(
        [b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", 9999))])


@case
def own_credentials():
    left, right = socket.socketpair()
    right.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS,
                           struct.pack("iii", os.getpid(), os.getuid(), os.getgid()))])
    _, control, _, _ = right.recvmsg(10, 100)
    return struct.unpack("iii", control[0][2])[1:] == (os.getuid(), os.getgid())


@case
def forged_credentials():
    return socket.socketpair()[0].sendmsg(
        [b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("iii", 1, 0, 0))])


@case
def nothing():
    pair = socket.socketpair()
    return pair[0].sendmsg([b""])


@case
def full_datagram_queue():
    left, _right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.setblocking(False)
    count = 0
    while attempt(left.sendmsg, [b"x"]) == "ok":
        count += 1
    return count


@case
def full_datagram_queue_is_waited_for():
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    reader = threading.Thread(target=lambda: (time.sleep(0.2), [right.recv(9) for _ in range(40)]))
    reader.start()
    sent = sum(left.sendmsg([b"x"]) for _ in range(40))
    reader.join()
    return sent


PAIR = socket.socketpair()
STREAM, STREAM6 = socket.socket(), socket.socket(socket.AF_INET6)
LOCAL = socket.socket(socket.AF_UNIX)
NOWHERE = ctypes.c_void_p(8)
CONNECTED = socket.create_connection(("127.0.0.1", PORT))
results["bad arguments"] = [
    raw("sendmsg", PAIR[0].fileno(), NOWHERE, 0), raw("sendmsg", 999, NOWHERE, 0),
    raw("sendmsg", 0, NOWHERE, 0), raw("connect", 0, NOWHERE, 16), raw("connect", 999, NOWHERE, 16),
    raw("connect", STREAM.fileno(), NOWHERE, 16),
    *[raw("connect", STREAM.fileno(), b"\2\0" + bytes(200), length)
      for length in (-1, 129, 0, 1, 8)],
    raw("connect", STREAM.fileno(), b"\x0a\0" + bytes(200), 28),
    raw("connect", STREAM.fileno(), b"\0\0" + bytes(200), 16),
    raw("connect", LOCAL.fileno(), b"\1\0", 2),
    raw("connect", LOCAL.fileno(), b"\1\0" + b"/" * 120, 111),
    raw("connect", LOCAL.fileno(), b"\1\0" + b"/" * 108, 110),
    raw("listen", 999, 1), raw("listen", 0, 1),
]
results["ipv6 without a scope"] = raw(
    "connect", STREAM6.fileno(), struct.pack("HH", socket.AF_INET6, socket.htons(1)) + bytes(19) +
    b"\1", 24) in ("EACCES", "ECONNREFUSED")
results["unix"] = [attempt(LOCAL.connect, "/tmp"), attempt(LOCAL.connect, "/nonexistent"),
                   attempt(LOCAL.connect, "/dev/null")]
results["names that streams ignore or refuse"] = [
    attempt(PAIR[0].sendto, b"x", "/tmp/x"),
    attempt(socket.socket(socket.AF_UNIX).sendto, b"x", "/tmp/x"),
    attempt(CONNECTED.sendto, b"x", ("192.0.2.1", 5))]
answer(results)
