"""Checkpoints of full size, fitted: what timm's own code makes of the same file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.examples.checkpoints.bank import Bank, Tensors
from tests.examples.checkpoints.bits import check_same_bits, relative_error
from tests.examples.checkpoints.models import (
    RESNET50,
    TRANSFORMERS_RESNET50,
    VIT_BASE,
    Model,
    load_strictly,
    loaded_by_timm,
    meta_model,
    name_of,
)

SEED = 42
RANGE_BYTES = 11_000_001

# Parts of the largest magnitude in a tensor:
SUM_TOLERANCE = 2e-7  # timm adds up colours in float32, we in float64
RESAMPLING_TOLERANCE = 2e-6  # for timm torch resamples in float32, places and weights too
ROUNDING_TOLERANCE = 6e-8  # half a unit in the last place of float32

pytestmark = [pytest.mark.examples, pytest.mark.usefixtures("torchvision_operators")]


def drawn_head(bank: Bank, model: Model) -> Tensors:
    """Return a new head for ten classes, as a spec of nothing else draws it."""
    layer = {"name": model.head, "type": "Linear"}
    sizes = {"in_features": model.features, "out_features": 10}
    return bank.weights({"preset": "advised@1", "layers": [{**layer, **sizes}]}, seed=SEED)


@dataclass(frozen=True, slots=True)
class Case:
    """A model of ten classes that differs from its checkpoint in one more thing.

    Attributes:
        model: It.
        wish: What the service is asked for.
        argument: What timm is asked for.
        computed: The tensor that is computed.
        tolerance: How far it may be from timm's.
    """

    model: Model
    wish: dict[str, str | int]
    argument: dict[str, Any]
    computed: str
    tolerance: float


@pytest.mark.parametrize(
    "case",
    [
        Case(RESNET50, {"in_channels": 1}, {"in_chans": 1}, "conv1.weight", SUM_TOLERANCE),
        Case(VIT_BASE, {"grid": "24x24"}, {"img_size": 384}, "pos_embed", RESAMPLING_TOLERANCE),
    ],
    ids=["resnet50", "vit_base"],
)
def test_a_fitted_checkpoint_is_what_timm_loads(
    bank: Bank, sources: dict[str, Path], case: Case
) -> None:
    """Bit for bit but for what is computed; a new head is what a spec of it alone draws."""
    model, arguments = case.model, {"num_classes": 10, **case.argument}
    fitted = bank.tensors(model.path, num_classes=10, seed=SEED, **case.wish)
    loaded = load_strictly(fitted, meta_model(model.name, **arguments))
    expected = loaded_by_timm(model.name, sources[model.repository], **arguments)
    check_same_bits(loaded, expected | drawn_head(bank, model), but=[case.computed])
    assert relative_error(loaded[case.computed], expected[case.computed]) <= case.tolerance


def test_a_stem_for_four_channels_needs_no_seed(bank: Bank, sources: dict[str, Path]) -> None:
    """Nothing is drawn; times 3/4 is exact, so that all has timm's bits."""
    fitted = bank.tensors(RESNET50.path, in_channels=4)
    loaded = load_strictly(fitted, meta_model(RESNET50.name, in_chans=4))
    expected = loaded_by_timm(RESNET50.name, sources[RESNET50.repository], in_chans=4)
    check_same_bits(loaded, expected)


def test_a_patch_embedding_sums_up_colours(bank: Bank, sources: dict[str, Path]) -> None:
    """As torch does in float64, before it rounds once."""
    found = bank.tensors(VIT_BASE.path, include=r"patch_embed\.proj\..*", in_channels=1)
    stored = load_file(sources[VIT_BASE.repository])
    red, green, blue = stored[VIT_BASE.stem].double().split(1, dim=1)
    expected = {
        VIT_BASE.stem: (red + green + blue).float(),
        "patch_embed.proj.bias": stored["patch_embed.proj.bias"],
    }
    check_same_bits(found, expected)


def test_positions_are_what_float64_makes_them(bank: Bank, sources: dict[str, Path]) -> None:
    """The resampling of torch in float64 differs by no more than the last rounding."""
    found = bank.tensors(VIT_BASE.path, include="pos_embed", grid="24x16")["pos_embed"]
    stored = load_file(sources[VIT_BASE.repository])["pos_embed"].double()
    grid = stored[:, 1:].reshape(1, 14, 14, -1).permute(0, 3, 1, 2)
    resampled = torch.nn.functional.interpolate(
        grid, size=(24, 16), mode="bicubic", antialias=True, align_corners=False
    )
    patches = resampled.permute(0, 2, 3, 1).reshape(1, 24 * 16, -1)
    expected = torch.cat([stored[:, :1], patches], dim=1)
    assert relative_error(found, expected) <= ROUNDING_TOLERANCE


def test_transformers_loads_a_fitted_checkpoint(bank: Bank, tmp_path: Path) -> None:
    """With the same wishes of its configuration, nothing is missing or of another shape."""
    from transformers import ResNetForImageClassification

    path = TRANSFORMERS_RESNET50.path
    bank.fetch(path, file="config.json", name="config.json")
    fitted = bank.tensors(path, num_classes=10, in_channels=1, seed=SEED)
    model, found = ResNetForImageClassification.from_pretrained(
        tmp_path, num_labels=10, num_channels=1, output_loading_info=True
    )
    assert not any(found[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    check_same_bits(model.state_dict(), fitted)
    head = drawn_head(bank, TRANSFORMERS_RESNET50)
    check_same_bits({name: fitted[name] for name in head}, head)


@pytest.mark.parametrize("model", [RESNET50, VIT_BASE], ids=name_of)
def test_bfloat16_is_torchs_rounding(bank: Bank, sources: dict[str, Path], model: Model) -> None:
    """Of every floating tensor; the integers of batch norms stay as they are."""
    expected = {
        name: values.to(torch.bfloat16) if values.is_floating_point() else values
        for name, values in load_file(sources[model.repository]).items()
    }
    check_same_bits(bank.tensors(model.path, dtype="bfloat16"), expected)


def test_ranges_of_a_fitted_checkpoint_are_its_parts(bank: Bank) -> None:
    """They concatenate to the whole file."""
    wishes = {"num_classes": 10, "in_channels": 1, "dtype": "bfloat16", "seed": SEED}
    whole = bank.fetch(RESNET50.path, **wishes).read_bytes()
    assert b"".join(bank.ranges(RESNET50.path, RANGE_BYTES, **wishes)) == whole
