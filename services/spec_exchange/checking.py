"""A resolved spec from elsewhere: whether it is one, and could have been made here.

Its hash says that it arrived as it was sent, and not that a server resolved it.
"""

import hashlib
from itertools import pairwise
from math import prod

from services.spec_facts import SpecFacts
from weightbank.errors import InvalidShapeError, WeightbankError
from weightbank.forms import Form, SplitForm, ZeroedRowForm
from weightbank.layout import Layout
from weightbank.limits import Limits
from weightbank.names import check_name
from weightbank.resolved import ResolvedSpec, ResolvedTensor, check_representable
from weightbank.stored import StoredFile
from weightbank.ties import follow_ties

_LARGEST = 2**63 - 1


class NotASpecError(Exception):
    """The message says why; it follows upon "line 3"."""


def check_spec(spec_id: str, document: bytes, *, limits: Limits) -> SpecFacts:
    """Return the facts of a spec whose canonical JSON this is.

    Raises:
        NotASpecError: If it is none, has another id, or is beyond a limit.
    """
    if hashlib.sha256(document).hexdigest() != spec_id:
        raise NotASpecError(f"has spec {spec_id}, whose content has another hash")
    try:
        resolved = ResolvedSpec.from_json(document)
        is_canonical = resolved.canonical_json() == document
        if is_canonical:
            _check(resolved, limits)
            return SpecFacts.of(resolved, Layout.of(resolved, limits=limits))
    except WeightbankError as error:
        raise NotASpecError(f"has spec {spec_id}: {error}") from error
    except Exception as error:  # the library trusts what it wrote itself
        raise NotASpecError(f"has spec {spec_id}, which is no resolved spec") from error
    raise NotASpecError(f"has spec {spec_id}, whose JSON is not canonical")


def _check(resolved: ResolvedSpec, limits: Limits) -> None:
    tensors = resolved.tensors
    if not 1 <= len(tensors) <= limits.tensors:
        raise NotASpecError(f"has a spec of {len(tensors):,} tensors")
    if any(one.name >= other.name for one, other in pairwise(tensors)):
        raise NotASpecError("has a spec whose tensors are not in the order of their names")
    for tensor in tensors:
        _check_tensor(tensor, limits)
    for file in resolved.sources:
        _check_file(file)
    follow_ties({tensor.name: tensor for tensor in tensors})


def _check_tensor(tensor: ResolvedTensor, limits: Limits) -> None:
    check_name(tensor.name, argument="name", limit_bytes=limits.name_bytes)
    if type(tensor.dtype_fixed) is not bool:
        raise NotASpecError("has a spec with a dtype that is fixed or not")
    shape = tensor.shape
    if len(shape) > limits.dimensions or any(size < 1 for size in shape) or prod(shape) > _LARGEST:
        raise InvalidShapeError(tensor.name, list(shape), "is no shape")
    tensor.form.check(tensor.name)
    _check_parts(tensor.form, shape)
    check_representable(tensor)


def _check_parts(form: Form, shape: tuple[int, ...]) -> None:
    if isinstance(form, ZeroedRowForm):
        if not 0 <= form.padding_idx < shape[0]:
            raise InvalidShapeError("padding_idx", form.padding_idx, "is no row")
        _check_parts(form.values, shape)
    if isinstance(form, SplitForm):
        fits = 0 <= form.axis < len(shape) and sum(form.sizes) == shape[form.axis]
        if not fits or min(form.sizes) < 1 or len(form.sizes) != len(form.parts):
            raise InvalidShapeError("split", list(form.sizes), "does not fit the shape")


def _check_file(file: StoredFile) -> None:
    for text in (file.repository, file.commit, file.path, file.hash):
        if not isinstance(text, str):
            raise NotASpecError("has a spec that reads no file of a checkpoint")
