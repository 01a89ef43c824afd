"""What a drill does to a worker's Python as it starts: a wrong clock, a bug that a marked post sets off."""

import os
import time
from typing import Any

if skew_s := float(os.environ.get("SKEW_S", "0")):
    _time, _time_ns = time.time, time.time_ns
    time.time = lambda: _time() + skew_s
    time.time_ns = lambda: _time_ns() + round(skew_s * 1e9)

if poison := os.environ.get("POISON", "").encode():
    from detectors import sketcher

    _read = sketcher.read_post

    def _crash(value: bytes | None, *args: Any, **more: Any) -> Any:
        if value is not None and poison in value:
            raise RuntimeError("a bug of ours, as the drill wants it")
        return _read(value, *args, **more)

    sketcher.read_post = _crash
