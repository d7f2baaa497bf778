"""What can be wished of a checkpoint."""

from dataclasses import dataclass

from weightbank.arguments import Renaming
from weightbank.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a checkpoint is to be fitted to a model.

    Steps come in this order: names lose their wrappers (``clean``); tensors are chosen
    (``include``, ``exclude``), and head, first convolution and position embeddings are
    found, all by the names that the checkpoint has then; names change (``strip_prefix``,
    then ``rename``, then ``add_prefix``); values are converted (``dtype``).

    Attributes:
        dtype: Of all floating tensors; None if each keeps its own. Integers and
            booleans keep theirs.
        include: A pattern (RE2): only tensors whose whole names match it stay.
        exclude: A pattern (RE2): tensors whose whole names match it go.
        strip_prefix: Module path that names lose which begin with it; others stay.
        add_prefix: Module path that all names get.
        rename: New paths of modules or tensors for old ones, as they are once the prefix
            is stripped; whole segments, the longest counts.
        clean: Whether names lose ``module.`` and ``_orig_mod.`` before them.
        num_classes: Outputs of the head; another number than the stored one has it drawn.
        head: Module path of the head.
        in_channels: Channels of the images.
        first_conv: Module path of the first convolution.
        grid: Height and width of the grid of patches.
        position_embedding: Name of the tensor of position embeddings.
        prefix_tokens: Position embeddings before those of the grid.
    """

    dtype: str | None = None
    include: str | None = None
    exclude: str | None = None
    strip_prefix: str = ""
    add_prefix: str = ""
    rename: Renaming = ()
    clean: bool = False
    num_classes: int | None = None
    head: str | None = None
    in_channels: int | None = None
    first_conv: str | None = None
    grid: tuple[int, int] | None = None
    position_embedding: str | None = None
    prefix_tokens: int = 1

    def check_companions(self) -> None:
        """Refuse what decides nothing without another wish.

        Raises:
            InvalidArgumentError: If there is such.
        """
        companions = (
            ("head", self.head, "num_classes", self.num_classes),
            ("first_conv", self.first_conv, "in_channels", self.in_channels),
            ("position_embedding", self.position_embedding, "grid", self.grid),
            (
                "prefix_tokens",
                None if self.prefix_tokens == 1 else self.prefix_tokens,
                "grid",
                self.grid,
            ),
        )
        for argument, value, companion, other in companions:
            if value is not None and other is None:
                problem, accepted = "decides nothing alone", f"{companion} beside it"
                raise InvalidArgumentError(argument, value, problem, accepted)
