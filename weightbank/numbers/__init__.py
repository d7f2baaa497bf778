"""Algorithm 1: the numbers, to the bit, as docs/numbers.md defines them.

Everything here is plain NumPy and reads like that page. It is the reference that
the fast backends are compared with, byte for byte, and is itself too slow to
serve from. ``exact`` and ``probability`` are shared by all: they turn the exact
arguments of an initializer into the few float32 parameters of a distribution.
"""
