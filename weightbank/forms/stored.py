"""Tensors of stored files: their values as they are, fitted, or the moments of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from weightbank.adaptations import Adaptation, Selection, adaptation_from_document
from weightbank.distributions import Stored, StoredMoments
from weightbank.dtypes import STORED_DTYPES
from weightbank.forms.base import Form, Placement
from weightbank.forms.composite import ZeroedRowForm
from weightbank.stored import StoredFile, StoredTensor


@dataclass(frozen=True, slots=True)
class PretrainedForm(Form):
    """The values of a stored tensor, fitted to another shape or as they are."""

    tensor: StoredTensor
    adaptation: Adaptation | None

    type = "pretrained"

    @property
    def is_whole(self) -> bool:
        """See ``Form.is_whole``; chosen elements are read one by one."""
        return self.adaptation is not None and not isinstance(self.adaptation, Selection)

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        adaptation = None if self.adaptation is None else self.adaptation.document()
        return {
            "type": self.type,
            "tensor": _tensor_document(self.tensor),
            "adaptation": adaptation,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        given = document["adaptation"]
        adaptation = None if given is None else adaptation_from_document(given)
        return cls(_tensor_from_document(document["tensor"]), adaptation)

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``; what its values are is not known before they are read."""
        return 0.0, 0.0

    def distribution(self, placement: Placement) -> Stored:
        """See ``Form.distribution``."""
        del placement
        return Stored(self.tensor, self.adaptation)


@dataclass(frozen=True, slots=True)
class MomentsForm(Form):
    """N(mean, std**2) with mean and standard deviation of a stored tensor's elements."""

    tensor: StoredTensor

    type = "moments_of"

    def document(self) -> dict[str, Any]:
        """See ``Form.document``."""
        return {"type": self.type, "tensor": _tensor_document(self.tensor)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See ``Form.from_document``."""
        return cls(_tensor_from_document(document["tensor"]))

    def bounds(self) -> tuple[float, float]:
        """See ``Form.bounds``; what they are is not known before the values are read."""
        return 0.0, 0.0

    def distribution(self, placement: Placement) -> StoredMoments:
        """See ``Form.distribution``."""
        return StoredMoments(placement.stream(), self.tensor)


StoredForm = PretrainedForm | MomentsForm
"""What needs a stored file to be made."""


def stored_tensor(form: Form) -> StoredTensor | None:
    """Return the stored tensor that a form needs, or None."""
    if isinstance(form, ZeroedRowForm):
        form = form.values
    return form.tensor if isinstance(form, StoredForm) else None


def _tensor_document(tensor: StoredTensor) -> dict[str, Any]:
    file = tensor.file
    return {
        "repository": file.repository,
        "commit": file.commit,
        "file": file.path,
        "hash": file.hash,
        "name": tensor.name,
        "dtype": tensor.dtype.name,
        "shape": list(tensor.shape),
    }


def _tensor_from_document(document: Mapping[str, Any]) -> StoredTensor:
    return StoredTensor(
        file=StoredFile(
            repository=document["repository"],
            commit=document["commit"],
            path=document["file"],
            hash=document["hash"],
        ),
        name=document["name"],
        dtype=STORED_DTYPES[document["dtype"]],
        shape=tuple(int(size) for size in document["shape"]),
    )
