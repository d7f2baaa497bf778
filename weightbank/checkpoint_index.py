"""The tensors of the checkpoints that a spec names, by the names that are looked for."""

from collections.abc import Iterable, Mapping

from weightbank.errors import NO_VALUE, InvalidArgumentError, MissingCheckpointError
from weightbank.key_names import unwrapped
from weightbank.stored import Checkpoint, CheckpointName, Checkpoints, StoredTensor


class CheckpointIndex:
    """What was found of the checkpoints that a spec names.

    Args:
        checkpoints: By the name that the spec has for them.
    """

    def __init__(self, checkpoints: Checkpoints | None = None) -> None:
        self._checkpoints: Checkpoints = {} if checkpoints is None else checkpoints
        self._unwrapped: dict[CheckpointName, Mapping[str, list[StoredTensor]]] = {}

    def checkpoint(self, name: CheckpointName, *, argument: str) -> Checkpoint:
        """Return a checkpoint.

        Args:
            name: As the spec has it.
            argument: Where that name stands, for messages.

        Raises:
            MissingCheckpointError: If it was not given.
        """
        found = self._checkpoints.get(name)
        if found is None:
            raise MissingCheckpointError(
                argument,
                name.repository,
                "is a checkpoint that has to be found first, and the library alone reads no "
                "files and asks no network",
                "this spec sent to a server, or `checkpoints` given to resolve()",
            )
        return found

    def find(
        self, name: CheckpointName, tensor: str, *, clean: bool, argument: str
    ) -> StoredTensor | None:
        """Return a tensor of a checkpoint, or None where it has none of this name.

        Args:
            name: Of the checkpoint, as the spec has it.
            tensor: The name that is looked for.
            clean: Whether what wrappers put before names is looked past.
            argument: The tensor that needs it, for messages.

        Raises:
            MissingCheckpointError: If the checkpoint was not given.
            InvalidArgumentError: If two names are one without what is looked past.
        """
        checkpoint = self.checkpoint(name, argument=f"{argument}: repo")
        if not clean:
            return checkpoint.tensors.get(tensor)
        if name not in self._unwrapped:
            self._unwrapped[name] = _by_unwrapped_name(checkpoint.tensors.values())
        found = self._unwrapped[name].get(unwrapped(tensor), [])
        if len(found) > 1:
            names = " and ".join(repr(one.name) for one in found[:2])
            problem = f"cannot tell {names} of {name.repository} apart, which are {tensor!r} both"
            raise InvalidArgumentError(f"{argument}: clean", NO_VALUE, problem, "clean: false")
        return found[0] if found else None


def _by_unwrapped_name(tensors: Iterable[StoredTensor]) -> dict[str, list[StoredTensor]]:
    found: dict[str, list[StoredTensor]] = {}
    for tensor in tensors:
        found.setdefault(unwrapped(tensor.name), []).append(tensor)
    return found
