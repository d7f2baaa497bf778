"""All 2**32 words through both backends: the one test that leaves nothing out.

Run as ``python -m tests.exhaustive``; it takes some minutes. Each block of words is
made by both backends and compared, byte for byte, and the digest of all standard
normals is compared with the one in ``tests/vectors``.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weightbank.backends import cpu
from weightbank.numbers import normal

WORDS = 2**32
BLOCK_WORDS = 2**22


def block_words(number: int) -> NDArray[np.uint32]:
    """Return the words of a block, in order."""
    start = number * BLOCK_WORDS
    return np.arange(start, start + BLOCK_WORDS, dtype=np.uint32)


def differing_words(number: int) -> list[int]:
    """Return the words of a block of which the backends disagree."""
    words = block_words(number)
    fast = cpu.standard_normal(words).view(np.uint32)
    reference = normal.standard_normal(words).view(np.uint32)
    return [int(word) for word in words[fast != reference]]


def expected_digest() -> str:
    """Return the digest of all standard normals in the known answers."""
    path = Path(__file__).parent / "vectors" / "vectors.json"
    digest: str = json.loads(path.read_text("utf-8"))["all_words_digest"]["sha256"]
    return digest


def say(line: str) -> None:
    """Write a line to stderr, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main() -> int:
    """Compare all blocks, in as many processes as asked for.

    Returns:
        The exit status: 0 if all bytes are as they should be.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    processes = parser.parse_args().processes
    digest = hashlib.sha256()
    blocks = WORDS // BLOCK_WORDS
    begun = time.monotonic()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for number, differing in enumerate(pool.map(differing_words, range(blocks))):
            if differing:
                shown = ", ".join(hex(word) for word in differing[:4])
                say(f"the backends disagree on {len(differing)} words: {shown}")
                pool.shutdown(cancel_futures=True)
                return 1
            digest.update(cpu.standard_normal(block_words(number)).data)
            if (number + 1) % 64 == 0:
                seconds = time.monotonic() - begun
                say(f"{number + 1} of {blocks} blocks, {seconds:.0f} s")
    found, expected = digest.hexdigest(), expected_digest()
    say(f"sha256 {found}, expected {expected}")
    return 0 if found == expected else 1


if __name__ == "__main__":
    sys.exit(main())
