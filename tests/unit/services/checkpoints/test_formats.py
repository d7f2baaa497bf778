"""Which files of a repository are a checkpoint."""

import pytest

from services.checkpoints.formats import Choice, choose, documents_of, is_pickle, kind_of
from services.hub.errors import InvalidFileError, UnknownFileError
from services.hub.located import RepositoryFile, RepositorySnapshot

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


def snapshot(*paths: str) -> RepositorySnapshot:
    """A repository with files of these paths."""
    files = {path: RepositoryFile(path, 1, None) for path in paths}
    return RepositorySnapshot(
        "owner/model", "0" * 40, licence=None, is_restricted=False, files=files
    )


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("model.safetensors", "safetensors"),
        ("unet/diffusion.SafeTensors", "safetensors"),
        ("config.json", "document"),
        (INDEX, "document"),
        ("pytorch_model.bin", "pickle"),
        ("weights.pt", "pickle"),
        ("weights.PTH", "pickle"),
        ("last.ckpt", "pickle"),
    ],
)
def test_a_name_says_its_format(path: str, kind: str) -> None:
    """By its ending, in either case."""
    assert kind_of(path) == kind
    assert is_pickle(path) == (kind == "pickle")


@pytest.mark.parametrize("path", ["tf_model.h5", "safetensors", "model.safetensors.txt", "", "bin"])
def test_other_formats_are_not_served(path: str) -> None:
    """The message says which are."""
    assert not is_pickle(path)
    with pytest.raises(InvalidFileError, match=r"not of a format.*\.safetensors or \.json"):
        kind_of(path)


@pytest.mark.parametrize(
    ("paths", "kind", "chosen"),
    [
        ((SINGLE, INDEX, "other.safetensors", "pytorch_model.bin"), "safetensors", SINGLE),
        ((INDEX, "model-00001-of-00001.safetensors", "pytorch_model.bin"), "sharded", INDEX),
        (
            ("open_clip_model.safetensors", "pytorch_model.bin", "unet/other.safetensors"),
            "safetensors",
            "open_clip_model.safetensors",
        ),
        (
            ("pytorch_model.bin", "unet/model.safetensors", "other.pth"),
            "pickle",
            "pytorch_model.bin",
        ),
    ],
)
def test_without_a_file_the_usual_one_is_meant(
    paths: tuple[str, ...], kind: str, chosen: str
) -> None:
    """One file before several, safetensors before pickles."""
    assert choose(snapshot(*paths), None) == Choice(kind, chosen)  # type: ignore[arg-type]


def test_a_file_that_is_named_is_meant() -> None:
    """Whatever else there is; who has it says whether it exists. An index is a document."""
    found = snapshot(SINGLE)
    assert choose(found, "other.pth") == Choice("pickle", "other.pth")
    assert choose(found, INDEX) == Choice("document", INDEX)
    with pytest.raises(InvalidFileError):
        choose(found, "README.md")


@pytest.mark.parametrize(
    "paths",
    [
        ("a.safetensors", "b.safetensors"),
        ("a.safetensors", "b.safetensors", "pytorch_model.bin"),
        ("unet/model.safetensors",),
        ("weights.pth",),
    ],
)
def test_where_several_could_be_meant_one_has_to_be_named(paths: tuple[str, ...]) -> None:
    """The message names them."""
    with pytest.raises(UnknownFileError, match="owner/model: file has to be named") as caught:
        choose(snapshot(*paths, "README.md"), None)
    assert caught.value.accepted == f"?file= with one of {', '.join(paths)}"


def test_a_repository_without_a_checkpoint_has_none() -> None:
    """The message says so."""
    with pytest.raises(UnknownFileError, match="accepted: a repository that has a checkpoint"):
        choose(snapshot("README.md", "config.json"), None)


def test_a_message_names_a_few_files_of_many() -> None:
    """However many there are."""
    paths = [f"{number:03}.safetensors" for number in range(100)]
    with pytest.raises(UnknownFileError, match=r"000.*007\.safetensors, and 92 more$"):
        choose(snapshot(*paths), None)


@pytest.mark.parametrize(
    ("choice", "documents"),
    [
        (Choice("safetensors", SINGLE), ["config.json"]),
        (Choice("sharded", INDEX), [INDEX, "config.json"]),
        (Choice("pickle", "pytorch_model.bin"), ["config.json"]),
        (Choice("document", "config.json"), []),
    ],
)
def test_documents_are_what_describes_tensors(choice: Choice, documents: list[str]) -> None:
    """An index and the model's configuration; a document stands for itself."""
    assert documents_of(snapshot(SINGLE, INDEX, "config.json"), choice) == documents


def test_there_need_be_no_documents() -> None:
    """A file of tensors is a checkpoint alone."""
    assert documents_of(snapshot(SINGLE), Choice("safetensors", SINGLE)) == []
