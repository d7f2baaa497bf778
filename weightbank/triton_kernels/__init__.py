"""The numbers in Triton: what ``weightbank.numbers`` defines, made on a GPU.

Each file states how it is fast; what it computes is said there. Nothing here
contracts, reorders or approximates a float32 operation. ``fill`` holds the
kernels, ``launch`` starts them, and the rest is compiled into them.
"""
