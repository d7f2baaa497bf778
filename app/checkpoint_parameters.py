"""Descriptions of the parameters that routes of checkpoints share."""

from typing import Any

from app.hub_token import HEADER
from app.parameters import QUERY_DTYPE, query_parameter

OWNED = "/v1/checkpoints/{owner:plain}/{name:plain}"
"""Path of a repository with an owner."""

CANONICAL = "/v1/checkpoints/{name:plain}"
"""Path of a repository without one."""

_NAME = r"^[A-Za-z0-9._-]{1,96}$"


def _path_parameter(name: str, description: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "pattern": _NAME},
        "example": example,
    }


_OWNER = _path_parameter("owner", "Owner of a repository of the Hub.", "timm")
_OWNED_NAME = _path_parameter("name", "Name of the repository.", "resnet50.a1_in1k")
_CANONICAL_NAME = _path_parameter("name", "Name of a repository without an owner.", "gpt2")

PATHS: dict[str, list[dict[str, Any]]] = {
    OWNED: [_OWNER, _OWNED_NAME],
    CANONICAL: [_CANONICAL_NAME],
}
"""Parameters of the paths that name a repository."""

NAMING_PARAMETERS: list[dict[str, Any]] = [
    query_parameter(
        "revision",
        "A branch, a tag, a commit, or `refs/pr/1`; `main` if not given.",
        example="main",
    ),
    query_parameter(
        "file",
        "Path of a file in the repository. If not given: `model.safetensors`, what its index "
        "lists, or the one checkpoint that there is.",
        example="model.safetensors",
    ),
]
"""Which checkpoint is meant."""

_COUNT: dict[str, Any] = {"type": "integer", "minimum": 1}

FITTING_PARAMETERS: list[dict[str, Any]] = [
    {
        **QUERY_DTYPE,
        "description": "Of every floating tensor; each keeps its own if not given. Rounded to "
        "nearest even.",
    },
    query_parameter(
        "include",
        "A regular expression (RE2): only tensors whose whole names in the checkpoint match.",
    ),
    query_parameter(
        "exclude",
        "A regular expression (RE2): no tensors whose whole names in the checkpoint match.",
    ),
    query_parameter("strip_prefix", "What is taken off the beginning of names."),
    query_parameter("add_prefix", "What is put before all names, last."),
    query_parameter(
        "rename",
        "Pairs of old and new names, of modules or tensors, between commas: "
        "`fc:head,layer4:stage4`.",
    ),
    query_parameter(
        "clean",
        "`true` takes `module.` and `_orig_mod.` off the beginning of names first.",
        type="boolean",
        default=False,
    ),
    query_parameter(
        "num_classes",
        "Outputs of the head. Another number than the checkpoint's leaves its head out, and a "
        "new one is drawn from `seed`.",
        **_COUNT,
    ),
    query_parameter(
        "head", "Module path of the head, where the repository's config.json does not say."
    ),
    query_parameter(
        "in_channels",
        "Channels of the input. One sums over the colours; others repeat and scale them, as timm "
        "does.",
        **_COUNT,
    ),
    query_parameter(
        "first_conv",
        "Module path of the first convolution, where config.json does not say.",
    ),
    query_parameter(
        "grid",
        "Height and width of the grid of patches, `24x24`: position embeddings are resampled to "
        "it (bicubic, antialiased).",
    ),
    query_parameter("position_embedding", "Name of their tensor, where it is not the only one."),
    query_parameter(
        "prefix_tokens",
        "Position embeddings that are not of the grid, such as the class token's.",
        type="integer",
        minimum=0,
        default=1,
    ),
]
"""What is to be other than it is."""

HUB_TOKEN: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The caller's own token of the Hub, for private and gated repositories. It is "
    "sent to the Hub alone, and never logged.",
    "schema": {"type": "string"},
}
