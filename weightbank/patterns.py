"""Regular expressions that callers write: RE2's, which match in linear time, and bounded.

What is left to bound is the product of a compiled program and all names that it sees,
and it is: by the size that RE2 gives each program, before any matching.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import re2

from weightbank.errors import InvalidPatternError, LimitExceededError
from weightbank.limits import Limits

_COMPILED_BYTES = 2**20
# To ask whether one pattern matches one name costs as much as this, whatever they are.
_CALL_STEPS = 500


@dataclass(frozen=True, slots=True)
class Pattern:
    """One regular expression.

    Attributes:
        text: As written; it has to match the whole name of a tensor.
        compiled: The same, compiled.
    """

    text: str
    compiled: Any

    def matches(self, name: str) -> bool:
        """Return whether it matches a whole name."""
        return self.compiled.fullmatch(name) is not None

    def steps(self, *, names: int, name_bytes: int) -> int:
        """Return a bound on the work of matching names.

        Args:
            names: How many.
            name_bytes: Of all of them together, in UTF-8.
        """
        return int(self.compiled.programsize) * name_bytes + _CALL_STEPS * names


def parse_pattern(text: str, *, argument: str, limits: Limits) -> Pattern:
    """Compile a regular expression.

    Raises:
        InvalidPatternError: If RE2 does not take it.
        LimitExceededError: If it is too long.

    Examples:
        >>> pattern = parse_pattern("layer[1-3][.].*", argument="include", limits=Limits())
        >>> pattern.matches("layer1.0.weight"), pattern.matches("my.layer1.0.weight")
        (True, False)
    """
    if len(text) > limits.pattern_characters:
        raise LimitExceededError(
            argument,
            text,
            f"has {len(text)} characters",
            f"{limits.pattern_characters} or fewer",
        )
    if any("\ud800" <= c <= "\udfff" for c in text):
        accepted = "a pattern without lone surrogates"
        raise InvalidPatternError(argument, text, "is not Unicode text", accepted)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _COMPILED_BYTES
    try:
        return Pattern(text, re2.compile(text, options=options))
    except re2.error as error:
        raise InvalidPatternError(
            argument,
            text,
            f"is not a regular expression: {_reason(error)}",
            "RE2 syntax, https://github.com/google/re2/wiki/Syntax (no look-around, no "
            "back-references)",
        ) from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else "invalid"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def check_steps(argument: str, pattern: Pattern, names: Sequence[str], *, limits: Limits) -> None:
    """Refuse a pattern and names whose matching could take too long.

    Args:
        argument: What the pattern is called in messages.
        pattern: That sees the names.
        names: That it sees.
        limits: Bounds.

    Raises:
        LimitExceededError: If the bound on the work is beyond the limit.
    """
    name_bytes = sum(len(name.encode("utf-8")) for name in names)
    steps = pattern.steps(names=len(names), name_bytes=name_bytes)
    if steps > limits.matching_steps:
        raise LimitExceededError(
            argument,
            steps,
            "is the bound on steps to match all names, too many",
            f"{limits.matching_steps} or fewer: a simpler pattern",
        )
