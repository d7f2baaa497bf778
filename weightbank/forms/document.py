"""Reading a form back from a resolved spec."""

from collections.abc import Mapping
from typing import Any

from weightbank.forms.base import Form
from weightbank.forms.composite import SplitForm, ZeroedRowForm
from weightbank.forms.constant import ConstantForm
from weightbank.forms.normal import NormalForm
from weightbank.forms.orthogonal import DeltaOrthogonalForm, OrthogonalForm
from weightbank.forms.sparse import SparseForm
from weightbank.forms.stored import MomentsForm, PretrainedForm
from weightbank.forms.structured import DiracForm, EyeForm
from weightbank.forms.tie import TieForm
from weightbank.forms.truncated import KeptVarianceForm, TruncatedForm
from weightbank.forms.uniform import UniformForm

FORMS: dict[str, type[Form]] = {
    form.type: form
    for form in (
        ConstantForm,
        NormalForm,
        UniformForm,
        TruncatedForm,
        KeptVarianceForm,
        EyeForm,
        DiracForm,
        SparseForm,
        OrthogonalForm,
        DeltaOrthogonalForm,
        SplitForm,
        ZeroedRowForm,
        TieForm,
        PretrainedForm,
        MomentsForm,
    )
}
"""All forms by the name they have in a resolved spec."""


def form_from_document(document: Mapping[str, Any]) -> Form:
    """Return the form that a resolved spec describes.

    Args:
        document: As ``Form.document`` wrote it.

    Examples:
        >>> form_from_document({"type": "constant", "value": 1}).document()
        {'type': 'constant', 'value': 1.0}
    """
    return FORMS[document["type"]].from_document(document)
