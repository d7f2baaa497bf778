"""The numbers in numba: what ``weightbank.numbers`` defines, made at speed.

Each file states how it is fast; what it computes is said there. Nothing here
contracts, reorders or approximates a float32 operation.
"""
