"""Which blocks are not run, and why: a mark that is added shows here.

A block is run unless the machine that runs tests cannot: it has no GPU, no Docker, no
cluster, and no time to install packages. Such a block is still read for its syntax.
"""

REASONS = {
    "serves until it is stopped",
    "installs packages",
    "runs the tests",
    "removes what later blocks need",
    "needs a GPU",
    "needs Docker",
    "needs a Kubernetes cluster",
    "needs a Ray cluster",
}
"""All that counts as a reason."""

NOT_RUN: dict[str, dict[str, int]] = {
    "README.md": {"needs Docker": 1, "runs the tests": 1, "serves until it is stopped": 1},
    "docs/docker.md": {"needs Docker": 5},
    "docs/how-to/gpus.md": {"needs a GPU": 3},
    "docs/kubernetes.md": {"needs Docker": 1, "needs a Kubernetes cluster": 5},
    "docs/operation.md": {"needs a GPU": 1, "serves until it is stopped": 1},
    "docs/ray.md": {"installs packages": 1, "needs a Ray cluster": 2},
    "docs/reference/http.md": {"removes what later blocks need": 4},
    "docs/tutorial.md": {"installs packages": 1, "serves until it is stopped": 1},
}
"""Blocks of each page that are not run, by reason."""
