"""What the scheduler says that a process asked of it."""

import ctypes
import os
import struct
import sys

_SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}


def can_ask() -> bool:
    """Whether a process may ask for its turn here: Linux 6.12 or newer."""
    if sys.platform != "linux" or os.uname().machine not in _SCHED_GETATTR:
        return False
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)))) >= (6, 12)


def asked(pid: int = 0) -> tuple[int, int]:
    """Niceness and turn, in nanoseconds, of a process's first thread; 0: of the thread that calls."""
    told = ctypes.create_string_buffer(48)
    done = ctypes.CDLL(None).syscall(_SCHED_GETATTR[os.uname().machine], pid, told, len(told), 0)
    assert done == 0
    _, _, _, nice, _, turn_ns, _, _ = struct.unpack("=IIQiIQQQ", told.raw)
    return nice, turn_ns
