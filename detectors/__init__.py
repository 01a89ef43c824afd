"""Burst detection for near-identical posts: pure functions and plain objects.

Nothing in this package knows Kafka, a clock, the environment or a log; time enters only
with the data. A notebook or another broker can use it unchanged.
"""
