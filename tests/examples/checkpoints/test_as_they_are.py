"""Checkpoints of full size, as they are, in the models that they were made for."""

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.examples.checkpoints.bank import Bank
from tests.examples.checkpoints.bits import check_same_bits
from tests.examples.checkpoints.models import (
    RESNET50,
    TRANSFORMERS_RESNET50,
    TRANSFORMERS_VIT_BASE,
    VIT_BASE,
    Model,
    load_strictly,
    meta_model,
    name_of,
)

pytestmark = [pytest.mark.examples, pytest.mark.usefixtures("torchvision_operators")]


@pytest.mark.parametrize("model", [RESNET50, VIT_BASE], ids=name_of)
def test_timms_models_load_them_strictly(
    bank: Bank, sources: dict[str, Path], model: Model
) -> None:
    """Every tensor of the model has the bits of the file that the Hub has."""
    loaded = load_strictly(bank.tensors(model.path), meta_model(model.name))
    check_same_bits(loaded, load_file(sources[model.repository]))


@pytest.mark.parametrize("model", [TRANSFORMERS_RESNET50, TRANSFORMERS_VIT_BASE], ids=name_of)
def test_transformers_models_load_them_from_a_folder(
    bank: Bank, sources: dict[str, Path], tmp_path: Path, model: Model
) -> None:
    """With config.json, fetched too: nothing is missing, and saved again it is the same."""
    import transformers

    bank.fetch(model.path, file="config.json", name="config.json")
    bank.fetch(model.path)
    kind: Any = getattr(transformers, model.name)
    loaded, found = kind.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(found[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    # In memory some names are others; in files they are not.
    loaded.save_pretrained(tmp_path / "saved")
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    check_same_bits(saved, load_file(sources[model.repository]))
