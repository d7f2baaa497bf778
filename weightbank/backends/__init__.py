"""Backends: how the numbers are made. All give the same bytes."""

from weightbank.backends.cpu import CpuBackend
from weightbank.backends.protocol import Backend
from weightbank.backends.reference import ReferenceBackend

__all__ = ["Backend", "CpuBackend", "ReferenceBackend"]
