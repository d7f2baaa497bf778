"""Configurations of models: hints, and never a reason to fail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightbank.fitting import ModelDescription, describe_model


def test_reads_what_timm_writes() -> None:
    """Head, first convolution, classes and channels are found in pretrained_cfg."""
    config = {
        "architecture": "deit_tiny_distilled_patch16_224",
        "num_classes": 1000,
        "pretrained_cfg": {
            "classifier": ["head", "head_dist"],
            "first_conv": "patch_embed.proj",
            "input_size": [3, 224, 224],
            "num_classes": 21841,
        },
    }
    model = describe_model(config)
    assert model == ModelDescription(("head", "head_dist"), ("patch_embed.proj",), 1000, 3)
    assert (model.classifier, model.first_conv) == ("head", "patch_embed.proj")


def test_reads_older_timm() -> None:
    """Configurations without pretrained_cfg say the same things one level higher."""
    config = {"classifier": "fc", "first_conv": "conv1", "num_classes": 10, "input_size": [1, 8, 8]}
    assert describe_model(config) == ModelDescription(("fc",), ("conv1",), 10, 1)


def test_reads_what_transformers_writes() -> None:
    """Labels are counted, or said; of modules nothing is said."""
    config = {"architectures": ["ViTForImageClassification"], "num_channels": 3}
    assert describe_model(config | {"id2label": {"0": "a", "1": "b"}}).num_classes == 2
    assert describe_model(config | {"num_labels": 7}) == ModelDescription((), (), 7, 3)
    assert describe_model(config) == ModelDescription((), (), None, 3)


def test_nothing_is_known_of_nothing() -> None:
    """Without a configuration there are no hints."""
    empty = ModelDescription()
    assert describe_model(None) == empty
    assert (empty.classifier, empty.first_conv) == (None, None)


@pytest.mark.parametrize(
    "config",
    [
        [],
        {"pretrained_cfg": []},
        {"classifier": 3, "first_conv": {"a": 1}, "num_classes": "many", "input_size": 224},
        {"classifier": [], "first_conv": "", "num_classes": -1, "input_size": []},
        {"classifier": ["fc", None], "num_classes": True, "input_size": ["3"]},
        {"classifier": "x" * 513, "first_conv": ["x"] * 17, "num_classes": 2**31},
        {"id2label": [], "num_labels": 0, "num_channels": None},
    ],
)
def test_what_is_not_as_it_should_be_is_not_known(config: Any) -> None:
    """Values of other kinds, or beyond bounds, are no hints."""
    assert describe_model(config) == ModelDescription()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)
KEYS = ["classifier", "first_conv", "num_classes", "input_size", "id2label", "num_labels"]


@given(st.dictionaries(st.sampled_from([*KEYS, "pretrained_cfg", "num_channels"]), VALUES))
def test_never_fails(config: dict[str, Any]) -> None:
    """Whatever a configuration holds, what is read has the kinds that it should."""
    model = describe_model(config)
    assert all(isinstance(path, str) for path in (*model.classifiers, *model.first_convs))
    assert all(count is None or count > 0 for count in (model.num_classes, model.in_channels))
