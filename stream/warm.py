"""Imported by the fork server before it forks: what it loads here, each stage's process has at once.

Importing and loading kernels costs a second of CPU; forked, all processes share it, and the memory.
"""

from detectors.chain import warm_up
from stream.agents import burst, cluster, sketch

__all__ = ["burst", "cluster", "sketch"]

warm_up()
