"""Nothing is compiled while posts wait: a worker would stand still for seconds in the middle of a burst."""

import subprocess
import sys

LONG_RUN = """
import pkgutil, random
from importlib import import_module
from numba.core.dispatcher import Dispatcher
import detectors
from detectors.chain import Chain, warm_up
from detectors.settings import DetectorSettings
from detectors.sketcher import RawPost

modules = [import_module(f"detectors.{module.name}") for module in pkgutil.iter_modules(detectors.__path__)]
kernels = {id(k): k for m in modules for k in vars(m).values() if isinstance(k, Dispatcher)}.values()
warm_up()
before = {k.py_func.__qualname__: list(k.signatures) for k in kernels}
rng = random.Random(3)
words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(500)]
chain = Chain(DetectorSettings(max_tracked_posts=17_000), "test")
post = '{"id":"%d","platform":"x","author":{"id":"%d"},"created_at":%d,"text":"%s"}'
n_alerts = 0
for first in range(0, 30_000, 1_000):
    records = []
    for number in range(first, first + 1_000):
        copied = "a bell rings when many accounts suddenly say the same thing" if number % 3 else ""
        text = copied if number > 20_000 and copied else " ".join(rng.choices(words, k=9))
        at_ms = 1_699_999_200_000 + 100 * number
        records.append(RawPost(number, at_ms, (post % (number, number % 7_001, at_ms, text)).encode()))
    n_alerts += len(chain.feed(records))
assert n_alerts > 3, n_alerts
assert chain.clusterer.counts["evicted"], "the index neither grew nor evicted"
late = [k.py_func.__qualname__ for k in kernels if list(k.signatures) != before[k.py_func.__qualname__]]
print("compiled late:", late)
"""


def test_growth_eviction_and_bursts_meet_compiled_kernels() -> None:
    """In a process of its own, where no other test has compiled anything."""
    run = subprocess.run([sys.executable, "-c", LONG_RUN], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "compiled late: []\n"
