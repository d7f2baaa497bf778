"""Bounds on what one spec may ask for. Each can be set by whoever runs the service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a spec, each with its unit last.

    Attributes:
        layers: Most layers in a spec.
        tensors: Most tensors in a file.
        rules: Most rules in a spec.
        pattern_characters: Longest regular expression.
        matching_steps: Bound on the work of matching all rules: instructions of
            their compiled programs times bytes of the names they see, and 500
            for each pair. A step takes a few nanoseconds.
        name_bytes: Longest tensor name, in UTF-8.
        dimensions: Most dimensions of a tensor.
        file_bytes: Largest file.
        header_bytes: Largest safetensors header; its readers refuse more.
        whole_tensor_bytes: Largest tensor, as float32, of an initializer that
            has to be made whole (orthogonal, sparse).
        split_parts: Most parts of a split.

    Examples:
        >>> Limits().file_bytes == 16 * 2**40
        True
    """

    layers: int = 100_000
    tensors: int = 100_000
    rules: int = 1_000
    pattern_characters: int = 1_000
    matching_steps: int = 4_000_000_000
    name_bytes: int = 512
    dimensions: int = 8
    file_bytes: int = 16 * 2**40
    header_bytes: int = 100_000_000
    whole_tensor_bytes: int = 2**28
    split_parts: int = 64
