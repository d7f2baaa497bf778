"""Which blocks are not run, and why: a mark that is added shows here.

A block is run unless the machine that runs tests cannot: it has no GPU, no Docker, no
cluster, and no time to install packages. Such a block is still read for its syntax.
"""

REASONS = {
    "serves until it is stopped",
    "installs packages",
    "runs the tests",
    "needs a GPU",
    "needs Docker",
    "needs a Kubernetes cluster",
    "needs a Ray cluster",
    "needs several machines",
    "needs the Hugging Face Hub",
    "needs PostgreSQL",
}
"""All that counts as a reason."""

NOT_RUN: dict[str, dict[str, int]] = {}
"""Blocks of each page that are not run, by reason."""
