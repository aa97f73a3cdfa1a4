"""Benchmarks: each row is a median, where it can be beside a raw baseline measured in the same run."""
