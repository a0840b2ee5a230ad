"""Messages through the socket between a worker and its parent: a byte, and after some bytes something pickled.

A single byte goes by `os.read` and `os.write`, for that is quickest. Here is what may be long, and what therefore has a
deadline: who is stopped in the middle of it would otherwise keep the other one waiting for ever.
"""

import pickle
import struct
import time
from socket import socket
from typing import Any

_LENGTH = struct.Struct("<Q")
_LEAST = 1e-3  # seconds: a timeout of 0 would mean something else to a socket


def send(end: socket, byte: bytes, message: bytes, until: float | None = None) -> None:
    """Send a byte and a pickled `message`, by the time `until` of the monotonic clock.

    Raises:
        TimeoutError: if the other end does not take it by then.
        OSError: if there is no other end any more.
    """
    end.settimeout(_left(until))
    end.sendall(byte + _LENGTH.pack(len(message)) + message)


def receive(end: socket, until: float | None = None) -> Any:
    """The message that follows a byte.

    Raises:
        TimeoutError: if it has not come whole by the time `until`.
        EOFError: if the other end closes before.
    """
    (size,) = _LENGTH.unpack(_exactly(end, _LENGTH.size, until))
    return pickle.loads(_exactly(end, size, until))


def _exactly(end: socket, size: int, until: float | None) -> bytearray:
    whole = bytearray(size)
    rest = memoryview(whole)
    while rest:
        end.settimeout(_left(until))
        count = end.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return whole


def _left(until: float | None) -> float | None:
    return None if until is None else max(until - time.monotonic(), _LEAST)
