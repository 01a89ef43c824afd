"""Helpers of the tests: brokers, waiting."""
