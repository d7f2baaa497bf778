"""A resolved spec: a flat list of tensors, each with one exact initializer, and its id.

The id is the SHA-256 of the canonical JSON (RFC 8785) of that list and of the
algorithm's version. Neither the seed, the reasons, nor the way it was written
enter: tensors stand in the order of their names.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import rfc8785

from weightbank.algorithm import VERSION
from weightbank.conversion import can_convert
from weightbank.dtypes import FLOAT32, STORED_DTYPES, Dtype, floating_dtype, stored_value
from weightbank.errors import (
    ConstantWeightsError,
    LimitExceededError,
    UnknownAlgorithmError,
    UnrepresentableError,
)
from weightbank.forms import (
    ConstantForm,
    DiracForm,
    EyeForm,
    Form,
    PretrainedForm,
    StoredForm,
    TieForm,
    ZeroedRowForm,
    form_from_document,
    stored_tensor,
)
from weightbank.limits import Limits
from weightbank.stored import StoredFile, StoredTensor

_FLOAT32_BYTES = 4
_FLOAT64_BYTES = 8


@dataclass(frozen=True, slots=True)
class ResolvedTensor:
    """One tensor of a file.

    Attributes:
        name: In the state dict.
        shape: In torch's order of axes.
        dtype: Of its elements.
        dtype_fixed: Whether a dtype asked for with the file leaves it as it is.
        form: Its exact initializer.
    """

    name: str
    shape: tuple[int, ...]
    dtype: Dtype
    dtype_fixed: bool
    form: Form

    @property
    def elements(self) -> int:
        """Number of its elements."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Size of its data."""
        return self.elements * self.dtype.item_bytes

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype.name,
            "dtype_fixed": self.dtype_fixed,
            "initializer": self.form.document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ResolvedTensor":
        """Read what ``document`` wrote."""
        return cls(
            name=document["name"],
            shape=tuple(int(size) for size in document["shape"]),
            dtype=STORED_DTYPES[document["dtype"]],
            dtype_fixed=document["dtype_fixed"],
            form=form_from_document(document["initializer"]),
        )


@dataclass(frozen=True)
class ResolvedSpec:
    """All tensors of a file, in the order of their names.

    Attributes:
        tensors: At least one; no two of one name.
    """

    tensors: tuple[ResolvedTensor, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON values: what the id hashes."""
        return {
            "algorithm": VERSION,
            "tensors": [tensor.document() for tensor in self.tensors],
        }

    def canonical_json(self) -> bytes:
        """Return the canonical JSON (RFC 8785) of ``document``."""
        return self._canonical_json

    @cached_property
    def _canonical_json(self) -> bytes:
        return rfc8785.dumps(self.document())

    @cached_property
    def id(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical_json()).hexdigest()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ResolvedSpec":
        """Read what ``document`` wrote.

        Raises:
            UnknownAlgorithmError: If another version of the algorithm resolved it.
        """
        if document["algorithm"] != VERSION:
            problem = "is not an algorithm that is made here"
            raise UnknownAlgorithmError("algorithm", document["algorithm"], problem, str(VERSION))
        return cls(tuple(ResolvedTensor.from_document(item) for item in document["tensors"]))

    @classmethod
    def from_json(cls, text: bytes | str) -> "ResolvedSpec":
        """Read canonical JSON."""
        return cls.from_document(json.loads(text))

    @property
    def default_dtype(self) -> Dtype | None:
        """The dtype of the tensors that follow one; None if all fix their own."""
        return next((tensor.dtype for tensor in self.tensors if not tensor.dtype_fixed), None)

    @cached_property
    def stored_tensors(self) -> tuple[StoredTensor, ...]:
        """The stored tensors that its tensors need, each once, in the order of their use."""
        needed = (stored_tensor(tensor.form) for tensor in self.tensors)
        return tuple(dict.fromkeys(tensor for tensor in needed if tensor is not None))

    @cached_property
    def sources(self) -> tuple[StoredFile, ...]:
        """The stored files that these are in, each once."""
        return tuple(dict.fromkeys(tensor.file for tensor in self.stored_tensors))

    def with_dtype(self, name: str) -> "ResolvedSpec":
        """Return it in another dtype; tensors that fix their own stay.

        Args:
            name: A floating dtype.

        Raises:
            InvalidDtypeError: If there is no such dtype.
            UnrepresentableError: If a tensor's values would leave its range.
            ConstantWeightsError: If what is drawn for one of two or more
                dimensions would all round to one number.
        """
        dtype = floating_dtype(name)
        tensors = tuple(
            tensor if tensor.dtype_fixed else replace(tensor, dtype=dtype)
            for tensor in self.tensors
        )
        for tensor in tensors:
            check_representable(tensor)
            _check_not_collapsed(tensor)
        return ResolvedSpec(tensors)


def check_representable(tensor: ResolvedTensor) -> None:
    """Refuse values that a tensor's dtype cannot hold.

    Raises:
        UnrepresentableError: If one could leave its range, or is not an integer
            where the dtype is one; or if a stored dtype is not converted to it.
    """
    if isinstance(tensor.form, TieForm):
        return
    if isinstance(tensor.form, PretrainedForm):
        _check_convertible(tensor, tensor.form)
        return
    dtype = tensor.dtype
    low, high = tensor.form.bounds()
    # Whatever is drawn passes through float32; only a constant is a double itself.
    is_constant = isinstance(unpadded(tensor.form), ConstantForm)
    narrowest = dtype if is_constant else min(dtype, FLOAT32, key=lambda d: d.largest)
    if low < narrowest.smallest or high > narrowest.largest:
        extreme = low if low < narrowest.smallest else high
        raise UnrepresentableError(
            tensor.name,
            extreme,
            f"can be one of its values, which {dtype.name} cannot hold",
            f"{narrowest.smallest:g} to {narrowest.largest:g}",
        )
    if not dtype.is_floating and not (is_constant and low == int(low)):
        raise UnrepresentableError(
            tensor.name, low, f"is not an integer, and its dtype is {dtype.name}", "an integer"
        )


def _check_convertible(tensor: ResolvedTensor, form: PretrainedForm) -> None:
    """Refuse what is neither copied nor converted between floating dtypes."""
    stored, dtype = form.tensor.dtype, tensor.dtype
    if can_convert(stored, dtype) and (stored.is_floating or not form.is_whole):
        return
    where = f"{form.tensor.name!r} in {form.tensor.file.repository}"
    if stored is dtype:
        problem = f"is the dtype of {where}, which cannot be fitted to another shape in it"
        accepted = "a floating dtype, or equal shapes"
    else:
        problem = f"is the dtype of {where}, and is not converted to {dtype.name}"
        accepted = "equal dtypes, or float64, float32, bfloat16 or float16 for both"
    raise UnrepresentableError(tensor.name, stored.name, problem, accepted)


def check_whole(tensor: ResolvedTensor, limits: Limits) -> None:
    """Refuse a tensor that has to be made whole and is too large for it.

    Raises:
        LimitExceededError: If it is; its size as it is made and the limit are told.
    """
    if not tensor.form.is_whole:
        return
    elements, item_bytes, made_in = tensor.elements, _FLOAT32_BYTES, "float32"
    if isinstance(tensor.form, PretrainedForm):
        elements = max(elements, tensor.form.tensor.elements)
        item_bytes, made_in = _FLOAT64_BYTES, "float64"
    if elements * item_bytes > limits.whole_tensor_bytes:
        raise LimitExceededError(
            tensor.name,
            elements * item_bytes,
            f"bytes are too many for {tensor.form.type}, which is made whole, in {made_in}",
            f"{limits.whole_tensor_bytes} bytes or fewer",
        )


def unpadded(form: Form) -> Form:
    """Return what a form is before its padding row is zeroed."""
    return form.values if isinstance(form, ZeroedRowForm) else form


def only_value(tensor: ResolvedTensor) -> float | None:
    """Return the one value that all elements have after rounding, or None.

    A padding row of zeros is looked past: the other rows stay equal.
    """
    form = unpadded(tensor.form)
    if isinstance(form, ConstantForm):
        return form.value
    if isinstance(form, DiracForm | EyeForm):
        groups = form.groups if isinstance(form, DiracForm) else 1
        is_all_ones = tensor.elements == tensor.shape[0] == groups
        return 1.0 if is_all_ones else None
    if form.is_whole or isinstance(form, StoredForm):
        return None
    low, high = (stored_value(float(np.float32(end)), tensor.dtype) for end in form.extremes())
    return low if low == high else None


def _check_not_collapsed(tensor: ResolvedTensor) -> None:
    """Refuse draws that a narrower dtype makes equal, as resolving in it would have."""
    minimum = 2
    if len(tensor.shape) < minimum or isinstance(unpadded(tensor.form), ConstantForm):
        return
    value = only_value(tensor)
    if value:
        raise ConstantWeightsError(
            tensor.name,
            value,
            f"is what all of its values round to in {tensor.dtype.name}: equal weights stay equal",
            "a wider dtype",
        )
