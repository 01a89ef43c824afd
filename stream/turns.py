"""How long a process works on before another takes its core.

A worker is four processes, and where cores are shared each turn begins with caches that others have
filled. Linux' usual turn is 1.4 to 3 ms (two cores, eight and more); since 6.12 a process may ask for
longer ones. It gets no more of a core by that: who asks for shorter ones and wakes up goes first.
"""

import ctypes
import os
import sys

TURN_MS = 20
"""Four workers, twelve processes on 2 cores, drain a backlog over four partitions at 30.3 µs of CPU a post,
with the system's turns at 31.9 (means of two alternating pairs); one worker at 27.2 and 27.8 (one pair)."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""Numbers of the system call, for which Python has no name and the C library but since glibc 2.41."""


class _Attributes(ctypes.Structure):
    """``struct sched_attr``, see sched_setattr(2)."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime_ns", ctypes.c_uint64),
        ("deadline_ns", ctypes.c_uint64),
        ("period_ns", ctypes.c_uint64),
    )


def take_long_turns() -> bool:
    """Have the calling thread, and those it starts from now on, work for `TURN_MS` at a time.

    Returns:
        Whether the system took it; before Linux 6.12 it does, and nothing changes.
    """
    number = _SCHED_SETATTR.get(os.uname().machine) if sys.platform == "linux" else None
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:  # else somebody has decided otherwise
        return False
    attributes = _Attributes(
        size=ctypes.sizeof(_Attributes),
        policy=os.SCHED_OTHER,
        nice=os.getpriority(os.PRIO_PROCESS, 0),
        runtime_ns=TURN_MS * 1_000_000,
    )
    done: int = ctypes.CDLL(None).syscall(number, 0, ctypes.byref(attributes), 0)
    return done == 0
