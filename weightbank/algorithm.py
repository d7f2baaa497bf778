"""The version of the algorithm that every byte depends on."""

VERSION = 1
"""Enters every spec id and every ETag. A byte changes only with this number."""
