"""Paths of checkpoints at their commits, and names of what is downloaded."""

import pytest
from starlette.requests import Request

from app.checkpoint_locations import checkpoint_path, file_name, location
from services.checkpoints.catalogue import Chosen
from services.checkpoints.formats import Choice, Kind
from services.hub.located import RepositorySnapshot

COMMIT = "0123456789" * 4
PATH = f"/v1/checkpoints/timm/resnet50?revision={COMMIT}"


def chosen(
    path: str = "model.safetensors", kind: Kind = "safetensors", repository: str = "timm/resnet50"
) -> Chosen:
    """A checkpoint that was found."""
    snapshot = RepositorySnapshot(repository, COMMIT, "mit", is_restricted=False, files={})
    return Chosen(snapshot, Choice(kind, path), (), None)


def request(query: str) -> Request:
    """A request with this query."""
    return Request({"type": "http", "query_string": query.encode("latin-1"), "headers": []})


@pytest.mark.parametrize("kind", ["safetensors", "pickle", "document"])
def test_a_file_is_named_with_its_commit(kind: Kind) -> None:
    """So that it can never come to be another."""
    assert checkpoint_path(chosen("unet/a b.json", kind), []) == f"{PATH}&file=unet/a%20b.json"


def test_what_an_index_lists_is_named_by_the_repository() -> None:
    """The file of the index would be the index."""
    assert checkpoint_path(chosen("model.safetensors.index.json", "sharded"), []) == PATH


def test_a_repository_without_an_owner_has_a_path_too() -> None:
    """Of one part."""
    found = checkpoint_path(chosen(repository="gpt2"), [])
    assert found == f"/v1/checkpoints/gpt2?revision={COMMIT}&file=model.safetensors"


def test_wishes_stay_as_they_were() -> None:
    """Empty ones too; revision and file are those that were found."""
    query = "seed=42&revision=main&rename=fc:head&file=x.safetensors&add_prefix=&include=a%26b%2B"
    assert location(request(query), chosen()) == (
        f"{PATH}&file=model.safetensors&seed=42&rename=fc:head&add_prefix=&include=a%26b%2B"
    )


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("model.safetensors", "safetensors", "model.safetensors"),
        ("unet/model.safetensors", "safetensors", "model.safetensors"),
        ("config.json", "document", "config.json"),
        ("model.safetensors.index.json", "sharded", "model.safetensors"),
        ("pytorch_model.bin", "pickle", "model.safetensors"),
        ('a"b\\c;d e.json', "document", "a-b-c-d-e.json"),
        ("G\xf6del \u4e00\u0661.json", "document", "G-del---.json"),
    ],
)
def test_a_download_has_a_name_that_says_what_it_is(path: str, kind: Kind, name: str) -> None:
    """Repository, commit and file, in letters that a header can hold."""
    found = file_name(chosen(path, kind))
    assert found == f"timm-resnet50-012345678901-{name}"
    assert found.isascii()
