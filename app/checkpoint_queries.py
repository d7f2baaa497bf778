"""What a request says of a checkpoint: which one, and how it is to be fitted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from app.queries import InvalidQueryError, read_dtype, read_query, read_seed, read_switch
from weightbank.errors import NO_VALUE
from weightbank.fitting import Wishes
from weightbank.stored import CheckpointName

NAMING = ("revision", "file")
"""Parameters that say which checkpoint is meant."""

FITTING = (
    "dtype",
    "include",
    "exclude",
    "strip_prefix",
    "add_prefix",
    "rename",
    "clean",
    "num_classes",
    "head",
    "in_channels",
    "first_conv",
    "grid",
    "position_embedding",
    "prefix_tokens",
)
"""Parameters that say what is to be other than it is."""

_COUNT = re.compile(r"[0-9]{1,9}")
_GRID = re.compile(r"([0-9]{1,6})(?:x([0-9]{1,6}))?")
_MOST_RENAMES = 256


@dataclass(frozen=True, slots=True)
class AskedCheckpoint:
    """What a request asks for.

    Attributes:
        name: Of the checkpoint.
        wishes: How it is to be fitted; None if it is wanted as it is.
        seed: For what is drawn anew, if it was given.
    """

    name: CheckpointName
    wishes: Wishes | None
    seed: int | None


def repository_of(request: Request) -> str:
    """Return the repository that a path names, with an owner or without."""
    owner, name = request.path_params.get("owner"), request.path_params["name"]
    return name if owner is None else f"{owner}/{name}"


def read_checkpoint_query(request: Request) -> AskedCheckpoint:
    """Return what a request asks for.

    Raises:
        InvalidQueryError: If a parameter is unknown or cannot be read.
        InvalidDtypeError: If the dtype is unknown.
        InvalidSeedError: If the seed is out of range.
    """
    query = read_query(request, *NAMING, "seed", *FITTING)
    wishes = _wishes(query) if any(name in query for name in FITTING) else None
    seed = read_seed(query["seed"]) if "seed" in query else None
    if seed is not None and (wishes is None or wishes.num_classes is None):
        raise InvalidQueryError(
            "seed", seed, "decides nothing here", "no seed, or num_classes beside it"
        )
    return AskedCheckpoint(checkpoint_name(request, query), wishes, seed)


def checkpoint_name(request: Request, query: Mapping[str, str]) -> CheckpointName:
    """Return the name of a checkpoint from a path and a query."""
    return CheckpointName(repository_of(request), query.get("revision", "main"), query.get("file"))


def _wishes(query: Mapping[str, str]) -> Wishes:
    return Wishes(
        dtype=read_dtype(query["dtype"]) if "dtype" in query else None,
        include=query.get("include"),
        exclude=query.get("exclude"),
        strip_prefix=query.get("strip_prefix", ""),
        add_prefix=query.get("add_prefix", ""),
        rename=read_renames(query.get("rename", "")),
        clean="clean" in query and read_switch("clean", query["clean"]),
        num_classes=_count(query, "num_classes"),
        head=query.get("head"),
        in_channels=_count(query, "in_channels"),
        first_conv=query.get("first_conv"),
        grid=read_grid(query["grid"]) if "grid" in query else None,
        position_embedding=query.get("position_embedding"),
        prefix_tokens=_prefix_tokens(query),
    )


def read_grid(text: str) -> tuple[int, int]:
    """Return the height and width of a grid of patches.

    Raises:
        InvalidQueryError: If it is none.

    Examples:
        >>> read_grid("24x32"), read_grid("24")
        ((24, 32), (24, 24))
    """
    match = _GRID.fullmatch(text)
    sizes = [] if match is None else [int(size) for size in match.groups(match[1])]
    if match is None or 0 in sizes:
        accepted = "height and width of the grid of patches, as in 24x24"
        raise InvalidQueryError("grid", text, "is no grid", accepted)
    return sizes[0], sizes[1]


def read_renames(text: str) -> tuple[tuple[str, str], ...]:
    """Return pairs of an old and a new name.

    Raises:
        InvalidQueryError: If there are none, too many, or one without a colon.

    Examples:
        >>> read_renames("fc:head,layer4:stage4")
        (('fc', 'head'), ('layer4', 'stage4'))
        >>> read_renames("fc")
        Traceback (most recent call last):
        app.queries.InvalidQueryError: rename 'fc' is no pair of names; \
accepted: old and new names, as in fc:head,layer4:stage4
    """
    if not text:
        return ()
    accepted = "old and new names, as in fc:head,layer4:stage4"
    members = text.split(",", _MOST_RENAMES)
    if len(members) > _MOST_RENAMES:
        raise InvalidQueryError(
            "rename", NO_VALUE, "has too many pairs", f"at most {_MOST_RENAMES}"
        )
    pairs = []
    for member in members:
        old, colon, new = member.partition(":")
        if not (old and colon and new) or ":" in new:
            raise InvalidQueryError("rename", member, "is no pair of names", accepted)
        pairs.append((old, new))
    return tuple(pairs)


def _count(query: Mapping[str, str], name: str, *, least: int = 1) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if _COUNT.fullmatch(text) is None or int(text) < least:
        raise InvalidQueryError(name, text, "is no count", f"a whole number, {least} or more")
    return int(text)


def _prefix_tokens(query: Mapping[str, str]) -> int:
    count = _count(query, "prefix_tokens", least=0)
    return 1 if count is None else count
