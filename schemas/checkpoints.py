"""What is said of pretrained checkpoints, and of those that are kept."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from schemas.base import WireModel


class CheckpointFileOut(WireModel):
    """A file of a checkpoint."""

    path: str = Field(description="In the repository.", examples=["model.safetensors"])
    bytes: int = Field(description="Its size.")
    hash: str = Field(
        description="`sha256:` and 64 hexadecimal digits, or `git-sha1:` and 40.",
    )
    cached: bool = Field(description="Whether it is kept here, whole and found right.")


class CheckpointTensorOut(WireModel):
    """A tensor of a checkpoint."""

    name: str = Field(examples=["conv1.weight"], description="In the checkpoint.")
    dtype: str = Field(examples=["float32"], description="torch's name, without `torch.`.")
    shape: list[int] = Field(examples=[[64, 3, 7, 7]], description="In torch's order of axes.")
    file: str = Field(description="Path of the file that has it.")


class CheckpointModelOut(WireModel):
    """What a checkpoint's config.json says of the model; null where it says nothing."""

    classifier: str | None = Field(description="Module path of the head.", examples=["fc"])
    first_conv: str | None = Field(
        description="Module path of the convolution that sees the input.", examples=["conv1"]
    )
    num_classes: int | None = Field(description="Outputs of the head.", examples=[1000])
    in_channels: int | None = Field(description="Channels of the input.", examples=[3])


class CheckpointOut(WireModel):
    """A checkpoint at a commit, described without the data of its tensors."""

    repository: str = Field(examples=["timm/resnet50.a1_in1k"], description="Its name today.")
    revision: str = Field(examples=["main"], description="As it was asked for.")
    commit: str = Field(description="What the revision resolved to.")
    licence: str | None = Field(examples=["apache-2.0"], description="As its card has it.")
    restricted: bool = Field(description="Whether it is private or gated: not for everybody.")
    format: Literal["safetensors", "sharded", "pickle"] = Field(
        description="One file, several with an index, or a pickle that is converted."
    )
    location: str = Field(
        description="Path of its bytes, with the commit in place of the revision.",
    )
    bytes: int = Field(description="Of all its files together.")
    elements: int = Field(description="Of all its tensors together.")
    model: CheckpointModelOut = Field(description="What its config.json says of the model.")
    files: list[CheckpointFileOut] = Field(description="That its tensors are in.")
    tensors: list[CheckpointTensorOut] = Field(description="In the order of their names.")


class FileProgressOut(WireModel):
    """How far a file is."""

    path: str = Field(description="In the repository.")
    state: Literal["complete", "fetching", "waiting", "failed"] = Field(
        description="`waiting`: others have to end first."
    )
    bytes: int = Field(description="Its size.")
    arrived_bytes: int = Field(description="Of it, here already.")
    error: str = Field(description="What went wrong; empty if nothing did.")


class PrefetchOut(WireModel):
    """How far a checkpoint is."""

    repository: str = Field(description="Its name today.")
    commit: str = Field(description="What the revision resolved to.")
    status: Literal["complete", "fetching"] = Field(description="`complete`: all is here.")
    bytes: int = Field(description="Of all its files together.")
    arrived_bytes: int = Field(description="Of them, here already.")
    files: list[FileProgressOut] = Field(
        description="Those with its tensors, and what describes them: an index, `config.json`."
    )


class PlaceOut(WireModel):
    """Where the Hub has a file."""

    repository: str = Field(examples=["timm/resnet50.a1_in1k"], description="Its name.")
    commit: str = Field(description="At which it was found there.")
    path: str = Field(description="In the repository.")


class KeptFileOut(WireModel):
    """A file that is kept here."""

    hash: str = Field(
        description="As in a checkpoint's description; cut short where there are no places."
    )
    bytes: int = Field(description="Its size.")
    arrived_bytes: int = Field(description="Of it, here already.")
    complete: bool = Field(description="Whether all of it is here, and its hash is right.")
    pinned: bool = Field(description="Whether it stays whatever else needs its place.")
    readers: int = Field(description="Answers of this server that are reading it.")
    last_used: datetime = Field(description="To within a minute.")
    places: list[PlaceOut] = Field(
        description="Where it is from, as far as everybody may know; empty for what was "
        "converted, and for private and gated repositories."
    )


class KeptCheckpointsOut(WireModel):
    """All that is kept here of checkpoints."""

    quota_bytes: int = Field(description="Disk space for them.")
    used_bytes: int = Field(description="Of it, in use.")
    files: list[KeptFileOut] = Field(description="What was used last first.")


class RemovalOut(WireModel):
    """What was removed."""

    freed_bytes: int = Field(description="Of disk space.")
    removed: list[PlaceOut] = Field(description="Files that are not kept any longer.")
    left: list[PlaceOut] = Field(description="Files that are being read, or pinned.")
