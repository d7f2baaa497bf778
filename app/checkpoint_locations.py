"""Paths of checkpoints, with nothing left to defaults that may move."""

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request

from services.checkpoints.catalogue import Chosen

PREFIX = "/v1/checkpoints"


def location(request: Request, chosen: Chosen) -> str:
    """Return the path of just what a request asks for, at its commit."""
    text = request.scope["query_string"].decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True)
    rest = [pair for pair in pairs if pair[0] not in {"revision", "file"}]
    return checkpoint_path(chosen, rest)


def checkpoint_path(chosen: Chosen, rest: list[tuple[str, str]]) -> str:
    """Return the path of a checkpoint at its commit.

    Args:
        chosen: The checkpoint.
        rest: Parameters besides its names.
    """
    snapshot = chosen.snapshot
    named = [("revision", snapshot.commit)]
    if chosen.choice.kind != "sharded":
        named.append(("file", chosen.choice.path))
    query = urlencode([*named, *rest], safe="/:", quote_via=quote)
    return f"{PREFIX}/{snapshot.repository}?{query}"


def file_name(chosen: Chosen) -> str:
    """Return what a client may call the file that it gets.

    A header is no place for other letters, nor for what would have to be escaped.
    """
    repository = chosen.snapshot.repository.replace("/", "-")
    path = PurePosixPath(chosen.choice.path)
    name = re.sub(r"[^A-Za-z0-9._-]", "-", path.name)
    if chosen.choice.kind in {"sharded", "pickle"}:
        name = "model.safetensors"
    return f"{repository}-{chosen.snapshot.commit[:12]}-{name}"
