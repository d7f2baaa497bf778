"""Every error that the library raises for a caller's mistake.

    WeightbankError                 code, argument, value, accepted
    ├── InvalidSpecError            the spec cannot be what its author meant
    │   ├── SyntaxSpecError         not JSON or YAML, or a duplicate key
    │   ├── UnknownKeyError         a key nobody reads
    │   ├── UnknownTypeError        a layer, initializer, preset or nonlinearity of no such name
    │   ├── InvalidArgumentError    an argument of the wrong kind, or out of its range
    │   ├── InvalidNameError        a tensor's name that a state dict cannot hold
    │   ├── DuplicateNameError      two tensors of one name
    │   ├── InvalidShapeError       a shape that no tensor has
    │   ├── InvalidPatternError     a regular expression RE2 does not take
    │   ├── UnusedRuleError         a rule that decides nothing
    │   ├── MissingInitializerError a tensor that nothing initializes
    │   ├── InvalidTieError         a tie without a target, of another shape, or in a chain
    │   ├── UnrepresentableError    values that the dtype cannot hold
    │   ├── ConstantWeightsError    equal weights that would stay equal
    │   ├── MissingCheckpointError  a checkpoint that only a server can find
    │   └── MissingTensorError      a checkpoint has no tensor of the name that was looked for
    ├── InvalidSeedError            not an integer in [0, 2**64)
    ├── InvalidDtypeError           not a floating dtype we make
    ├── InvalidRangeError           bytes or elements beyond the end
    ├── UnknownTensorError          a file has no tensor of this name
    ├── InvalidCheckpointError      a stored file whose header or index cannot be believed
    ├── UnknownAlgorithmError       a resolved spec that another version made
    └── LimitExceededError          a bound that keeps the service standing

A caller's mistake is an exception; ours is an ``assert``. HTTP statuses are not
known here: ``app/errors.py`` maps codes to them.
"""

from collections.abc import Sequence
from typing import ClassVar


class WeightbankError(Exception):
    """Base of all errors for a caller's mistakes.

    The message reads ``<argument> <value> <problem>; <what is accepted>``.

    Attributes:
        code: Stable name of the kind of mistake, for programs.
        argument: What was wrong, as a path into the input (``layers[3].bias``)
            or the name of a tensor.
        value: The offending value, shortened, as it was written.
        accepted: What would have been accepted, in words; may be empty.

    Examples:
        >>> error = InvalidSeedError("seed", -1, "is negative", "an integer in [0, 2**64)")
        >>> str(error)
        'seed -1 is negative; accepted: an integer in [0, 2**64)'
        >>> error.code
        'invalid_seed'
    """

    code: ClassVar[str] = "invalid"

    def __init__(self, argument: str, value: object, problem: str, accepted: str = "") -> None:
        self.argument = _printable(argument)
        self.value = value if value is NO_VALUE else shorten(value)
        self.accepted = accepted
        shown = "" if value is NO_VALUE else f" {self.value}"
        ending = f"; accepted: {accepted}" if accepted else ""
        super().__init__(f"{self.argument}{shown} {problem}{ending}")


class _NoValue:
    """Says that an error has no single offending value."""

    def __repr__(self) -> str:
        return ""


NO_VALUE = _NoValue()
_SHOWN_CHARACTERS = 80
# A path into a spec with a tensor's name in it is shorter than this.
_PATH_CHARACTERS = 800


def _printable(path: str) -> str:
    """Return a path whose keys, which are the caller's, can stand in any message."""
    if len(path) > _PATH_CHARACTERS:
        path = f"{path[: _PATH_CHARACTERS // 2]}…{path[-_PATH_CHARACTERS // 2 :]}"
    if path.isprintable():
        return path
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in path)


def shorten(value: object, *, characters: int = _SHOWN_CHARACTERS) -> str:
    """Return ``repr(value)``, cut in the middle when it is long.

    Args:
        value: Anything a document can hold.
        characters: The most to show.

    Examples:
        >>> shorten("relu")
        "'relu'"
        >>> shorten("x" * 1000, characters=11)
        "'xxx…xxxx'"
    """
    if isinstance(value, tuple):
        value = list(value)  # as a document has it
    if isinstance(value, str | list) and len(value) > 4 * characters:
        value = _ends(value, 2 * characters)
    if isinstance(value, int) and value.bit_length() > 4 * characters:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except ValueError:
        # An integer of thousands of digits somewhere within.
        return f"a {type(value).__name__} with a very long integer"
    if len(text) <= characters:
        return text
    half = (characters - 1) // 2
    return f"{text[: half - 1]}…{text[-half:]}"


def _ends(value: str | Sequence[object], length: int) -> object:
    """Return the two ends of a long value, so that only they are formatted."""
    if isinstance(value, str):
        return value[:length] + value[-length:]
    return [*value[:length], *value[-length:]]


class InvalidSpecError(WeightbankError):
    """The spec cannot be what its author meant."""

    code = "invalid_spec"


class SyntaxSpecError(InvalidSpecError):
    """The text is neither JSON nor YAML 1.2, or says one key twice."""

    code = "invalid_syntax"


class UnknownKeyError(InvalidSpecError):
    """A key that nobody reads; most often a misspelt argument."""

    code = "unknown_key"


class UnknownTypeError(InvalidSpecError):
    """There is no layer, initializer, preset or nonlinearity of this name."""

    code = "unknown_type"


class InvalidArgumentError(InvalidSpecError):
    """An argument is of the wrong kind, not finite, or out of its range."""

    code = "invalid_argument"


class InvalidNameError(InvalidSpecError):
    """A name that a state dict or a safetensors header cannot hold."""

    code = "invalid_name"


class DuplicateNameError(InvalidSpecError):
    """Two tensors of one name."""

    code = "duplicate_name"


class InvalidShapeError(InvalidSpecError):
    """A shape that no tensor has, or that an initializer cannot fill."""

    code = "invalid_shape"


class InvalidPatternError(InvalidSpecError):
    """A regular expression that RE2 does not take."""

    code = "invalid_pattern"


class UnusedRuleError(InvalidSpecError):
    """A rule that decides nothing: mostly a name with a typing error."""

    code = "unused_rule"


class MissingInitializerError(InvalidSpecError):
    """A tensor that neither a layer, a rule nor the preset initializes."""

    code = "missing_initializer"


class InvalidTieError(InvalidSpecError):
    """A tie to no tensor, to one of another shape, or to another tie."""

    code = "invalid_tie"


class UnrepresentableError(InvalidSpecError):
    """Values that a tensor's dtype cannot hold."""

    code = "unrepresentable"


class ConstantWeightsError(InvalidSpecError):
    """Weights that are all equal, get equal updates, and stay equal."""

    code = "constant_weights"


class MissingCheckpointError(InvalidSpecError):
    """A checkpoint that was not given: the library alone finds none."""

    code = "missing_checkpoint"


class MissingTensorError(InvalidSpecError):
    """A checkpoint has no tensor of the name that was looked for."""

    code = "missing_tensor"


class InvalidSeedError(WeightbankError):
    """A seed that is not an integer in [0, 2**64)."""

    code = "invalid_seed"


class InvalidDtypeError(WeightbankError):
    """A dtype that is none of the floating ones we make."""

    code = "invalid_dtype"


class UnknownTensorError(WeightbankError):
    """A file has no tensor of this name."""

    code = "unknown_tensor"


class InvalidCheckpointError(WeightbankError):
    """The header of a checkpoint's file, or the index of its files, cannot be believed."""

    code = "invalid_checkpoint"


class UnknownAlgorithmError(WeightbankError):
    """A resolved spec of an algorithm that this version does not make."""

    code = "unknown_algorithm"


class InvalidRangeError(WeightbankError):
    """Bytes or elements outside of a file or tensor."""

    code = "invalid_range"


class LimitExceededError(WeightbankError):
    """A request beyond a bound that keeps the service standing."""

    code = "limit_exceeded"
