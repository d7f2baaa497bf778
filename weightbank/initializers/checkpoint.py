"""What initializers have in common that take a tensor of a pretrained checkpoint."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

from weightbank.arguments import Renaming, argument
from weightbank.checkpoint_index import CheckpointIndex
from weightbank.errors import NO_VALUE, MissingTensorError
from weightbank.forms import Form
from weightbank.initializers.base import Initializer, Target
from weightbank.key_names import leading, renamed
from weightbank.stored import CheckpointName, StoredTensor
from weightbank.suggestions import accepted_names

_WAYS_OUT = "`missing: init`, or a rule of its own before this one"


@dataclass(frozen=True)
class FromCheckpoint(Initializer):
    """An initializer that finds, for each tensor, one of a checkpoint by its name."""

    repo: str = argument(description="Repository on the Hub, `owner/name`.")
    revision: str = argument("main", "Branch, tag or commit; the commit it leads to is pinned.")
    file: str | None = argument(
        None, "Path in the repository; model.safetensors or the files of its index if left out."
    )
    prefix: str = argument(
        "",
        "Module path in this spec that the checkpoint's names are without; a tensor outside "
        "of it is missing there.",
    )
    source_prefix: str = argument(
        "", "Module path that the checkpoint's names begin with and this spec's do not."
    )
    rename: Renaming = argument(
        (),
        "From names here (without prefix), of a tensor or a module, to full names in the "
        "checkpoint; the longest counts.",
    )
    missing: Literal["error", "init"] = argument(
        "error",
        "What becomes of a tensor that the checkpoint lacks: refused, or left to the next "
        "matching rule and the preset.",
    )
    clean: bool = argument(
        default=True,
        description="Whether `module.` and `_orig_mod.` before names are looked past.",
    )

    @property
    def checkpoint_name(self) -> CheckpointName:
        """What it calls the checkpoint."""
        return CheckpointName(self.repo, self.revision, self.file)

    def source_name(self, name: str) -> str | None:
        """Return what a tensor is called in the checkpoint; None if it is outside of ``prefix``.

        Args:
            name: Of the tensor in this spec.
        """
        prefix = leading(self.prefix)
        if not name.startswith(prefix):
            return None
        name = name.removeprefix(prefix)
        new = renamed(name, dict(self.rename))
        return leading(self.source_prefix) + name if new is None else new

    def find(self, name: str, checkpoints: CheckpointIndex) -> StoredTensor | None:
        """Return the tensor of the checkpoint that a tensor gets, or None if it lacks it.

        Raises:
            MissingCheckpointError: If the checkpoint was not given.
            InvalidArgumentError: If two of its tensors have this name.
        """
        checkpoints.checkpoint(self.checkpoint_name, argument=f"{name}: repo")
        source_name = self.source_name(name)
        if source_name is None:
            return None
        return checkpoints.find(self.checkpoint_name, source_name, clean=self.clean, argument=name)

    def form(self, target: Target) -> Form:
        """See ``Initializer.form``."""
        tensor = self.find(target.name, target.checkpoints)
        if tensor is None:
            raise self._missing(target)
        return self.form_of(tensor, target)

    @abstractmethod
    def form_of(self, tensor: StoredTensor, target: Target) -> Form:
        """Return the exact form for a tensor, of the one that was found for it.

        Raises:
            InvalidSpecError: If it does not fit.
        """

    def _missing(self, target: Target) -> MissingTensorError:
        source_name = self.source_name(target.name)
        if source_name is None:
            problem = f"does not begin with the prefix {self.prefix!r} of {self.name}"
            return MissingTensorError(target.name, NO_VALUE, problem, _WAYS_OUT)
        checkpoint = target.checkpoints.checkpoint(self.checkpoint_name, argument="repo")
        return MissingTensorError(
            target.name,
            source_name,
            f"is no tensor of {self.repo} at {checkpoint.commit}",
            f"{accepted_names(source_name, checkpoint.tensors)}; or {_WAYS_OUT}",
        )
