"""The ``config.json`` of checkpoints, as timm and transformers write it to the Hub."""

import json
from typing import Any

from tests.hub.layouts import GptSizes, ResNetSizes, VitSizes


def resnet_config_of_timm(sizes: ResNetSizes) -> bytes:
    """Return that of ``timm/resnet50.a1_in1k``, with these sizes."""
    cfg = {
        "tag": "a1_in1k",
        "custom_load": False,
        "input_size": [3, 224, 224],
        "test_input_size": [3, 288, 288],
        "fixed_input_size": False,
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "test_crop_pct": 1.0,
        "crop_mode": "center",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "num_classes": sizes.classes,
        "pool_size": [7, 7],
        "first_conv": "conv1",
        "classifier": "fc",
        "origin_url": "https://github.com/huggingface/pytorch-image-models",
        "paper_ids": "arXiv:2110.00476",
    }
    said: dict[str, Any] = {
        "architecture": "resnet50",
        "num_classes": sizes.classes,
        "num_features": sizes.features,
        "global_pool": "avg",
        "pretrained_cfg": cfg,
    }
    if sizes != ResNetSizes(classes=sizes.classes):
        said["model_args"] = {"layers": list(sizes.depths), "channels": list(sizes.channels)}
    return _write(said)


def vit_config_of_timm(sizes: VitSizes) -> bytes:
    """Return that of ``timm/vit_base_patch16_224.augreg2_in21k_ft_in1k``, with these sizes."""
    cfg = {
        "tag": "augreg2_in21k_ft_in1k",
        "custom_load": False,
        "input_size": [3, sizes.image, sizes.image],
        "fixed_input_size": True,
        "interpolation": "bicubic",
        "crop_pct": 0.9,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "num_classes": sizes.classes,
        "pool_size": None,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
    }
    said: dict[str, Any] = {
        "architecture": "vit_base_patch16_224",
        "num_classes": sizes.classes,
        "num_features": sizes.width,
        "global_pool": "token",
        "pretrained_cfg": cfg,
    }
    if sizes != VitSizes(classes=sizes.classes):
        said["model_args"] = {
            "img_size": sizes.image,
            "patch_size": sizes.patch,
            "embed_dim": sizes.width,
            "depth": sizes.depth,
            "num_heads": sizes.heads,
        }
    return _write(said)


def resnet_config_of_transformers(sizes: ResNetSizes) -> bytes:
    """Return that of ``microsoft/resnet-50``, with these sizes."""
    said = {
        "architectures": ["ResNetForImageClassification"],
        "depths": list(sizes.depths),
        "downsample_in_first_stage": False,
        "embedding_size": sizes.stem,
        "hidden_act": "relu",
        "hidden_sizes": [4 * inner for inner in sizes.channels],
        "layer_type": "bottleneck",
        "model_type": "resnet",
        "num_channels": 3,
        "torch_dtype": "float32",
        "transformers_version": "4.18.0.dev0",
    }
    return _write({**said, **_labels(sizes.classes)})


def vit_config_of_transformers(sizes: VitSizes) -> bytes:
    """Return that of ``google/vit-base-patch16-224``, with these sizes."""
    said = {
        "architectures": ["ViTForImageClassification"],
        "attention_probs_dropout_prob": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": sizes.width,
        "image_size": sizes.image,
        "initializer_range": 0.02,
        "intermediate_size": 4 * sizes.width,
        "layer_norm_eps": 1e-12,
        "model_type": "vit",
        "num_attention_heads": sizes.heads,
        "num_channels": 3,
        "num_hidden_layers": sizes.depth,
        "patch_size": sizes.patch,
        "qkv_bias": True,
        "transformers_version": "4.13.0.dev0",
    }
    return _write({**said, **_labels(sizes.classes)})


def gpt2_config_of_transformers(sizes: GptSizes) -> bytes:
    """Return that of ``gpt2``, with these sizes."""
    return _write(
        {
            "activation_function": "gelu_new",
            "architectures": ["GPT2LMHeadModel"],
            "bos_token_id": sizes.vocabulary - 1,
            "eos_token_id": sizes.vocabulary - 1,
            "layer_norm_epsilon": 1e-05,
            "model_type": "gpt2",
            "n_ctx": sizes.positions,
            "n_embd": sizes.width,
            "n_head": sizes.heads,
            "n_layer": sizes.depth,
            "n_positions": sizes.positions,
            "vocab_size": sizes.vocabulary,
        }
    )


def vit_preprocessor_of_transformers(sizes: VitSizes) -> bytes:
    """Return the ``preprocessor_config.json`` of a vision transformer."""
    return _write(
        {
            "do_normalize": True,
            "do_resize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "size": sizes.image,
        }
    )


def _labels(classes: int) -> dict[str, Any]:
    names = {str(index): f"LABEL_{index}" for index in range(classes)}
    return {"id2label": names, "label2id": {name: int(index) for index, name in names.items()}}


def _write(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()
