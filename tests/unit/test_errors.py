"""Errors: a stable code for each, and messages that a person can read."""

import pytest

from weightbank import errors
from weightbank.errors import NO_VALUE, InvalidArgumentError, WeightbankError, shorten

CODES = {
    "WeightbankError": "invalid",
    "InvalidSpecError": "invalid_spec",
    "SyntaxSpecError": "invalid_syntax",
    "UnknownKeyError": "unknown_key",
    "UnknownTypeError": "unknown_type",
    "InvalidArgumentError": "invalid_argument",
    "InvalidNameError": "invalid_name",
    "DuplicateNameError": "duplicate_name",
    "InvalidShapeError": "invalid_shape",
    "InvalidPatternError": "invalid_pattern",
    "UnusedRuleError": "unused_rule",
    "MissingInitializerError": "missing_initializer",
    "InvalidTieError": "invalid_tie",
    "UnrepresentableError": "unrepresentable",
    "ConstantWeightsError": "constant_weights",
    "MissingCheckpointError": "missing_checkpoint",
    "MissingTensorError": "missing_tensor",
    "InvalidSeedError": "invalid_seed",
    "InvalidDtypeError": "invalid_dtype",
    "InvalidRangeError": "invalid_range",
    "UnknownTensorError": "unknown_tensor",
    "InvalidCheckpointError": "invalid_checkpoint",
    "UnknownAlgorithmError": "unknown_algorithm",
    "LimitExceededError": "limit_exceeded",
}


def test_codes_are_stable() -> None:
    """Programs rely on codes, so none changes and none is shared."""
    found = {
        name: cls.code
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, WeightbankError)
    }
    assert found == CODES
    assert len(set(found.values())) == len(found)


def test_every_error_is_in_the_tree() -> None:
    """The tree at the top of the module has them all."""
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in CODES)


def test_the_parts_of_a_message() -> None:
    """Argument, value, problem and what is accepted."""
    error = InvalidArgumentError("layers[0].bias", 3, "is not true or false", "true or false")
    assert str(error) == "layers[0].bias 3 is not true or false; accepted: true or false"
    assert (error.argument, error.value, error.accepted) == ("layers[0].bias", "3", "true or false")


def test_no_value() -> None:
    """Where no single value is to blame, none is shown."""
    error = InvalidArgumentError("layers", NO_VALUE, "are missing")
    assert str(error) == "layers are missing"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("relu", "'relu'"),
        ((1, 2), "[1, 2]"),
        (None, "None"),
        (2**2000, "an integer of 2001 bits"),
        ({"a": 2**20_000}, "a dict with a very long integer"),
        ([2**20_000], "a list with a very long integer"),
        ("\ud800", "'\\ud800'"),
        ("a\nb", "'a\\nb'"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_values_are_shown_as_one_writes_them(value: object, text: str) -> None:
    """A value is its repr, tuples as lists, and never what cannot be printed."""
    assert shorten(value) == text


@pytest.mark.parametrize("value", ["x" * 10_000, list(range(10_000)), {"k" * 1000: 1}])
def test_long_values_are_cut(value: object) -> None:
    """Both ends of a long value are shown."""
    text = shorten(value)
    assert len(text) <= 80
    assert "…" in text
    assert text[0] + text[-1] in ("''", "[]", "{}")


def test_a_path_is_cut_and_printable() -> None:
    """Keys are the caller's, and stand in paths."""
    error = InvalidArgumentError("layers[0].\ud800\n" + "k" * 5000 + "end", 1, "is wrong")
    assert error.argument.isprintable()
    assert error.argument.startswith("layers[0].\\ud800\\n")
    assert error.argument.endswith("end")
    assert len(error.argument) < 900


def test_a_readable_path_stays_as_it_is() -> None:
    """Letters of any script are printable."""
    assert (
        InvalidArgumentError("layers[0] '名前'.é", 1, "is wrong").argument == "layers[0] '名前'.é"
    )
