"""Exact forms: what an initializer means for one tensor, with nothing left open.

A form is what stands in a resolved spec, and what its id hashes. It holds doubles
and rationals, never a rounded intermediate; ``distribution`` takes the one
correctly rounded step to what a backend draws. Different ways to write the same
numbers (``he_normal``, ``kaiming_normal``, ``variance_scaling``) have one form.
"""

from weightbank.forms.base import Form, Placement
from weightbank.forms.composite import SplitForm, ZeroedRowForm
from weightbank.forms.constant import ConstantForm
from weightbank.forms.document import form_from_document
from weightbank.forms.normal import NormalForm
from weightbank.forms.orthogonal import DeltaOrthogonalForm, OrthogonalForm
from weightbank.forms.sparse import SparseForm
from weightbank.forms.stored import MomentsForm, PretrainedForm, StoredForm, stored_tensor
from weightbank.forms.structured import DiracForm, EyeForm
from weightbank.forms.tie import TieForm
from weightbank.forms.truncated import KeptVarianceForm, TruncatedForm
from weightbank.forms.uniform import UniformForm

__all__ = [
    "ConstantForm",
    "DeltaOrthogonalForm",
    "DiracForm",
    "EyeForm",
    "Form",
    "KeptVarianceForm",
    "MomentsForm",
    "NormalForm",
    "OrthogonalForm",
    "Placement",
    "PretrainedForm",
    "SparseForm",
    "SplitForm",
    "StoredForm",
    "TieForm",
    "TruncatedForm",
    "UniformForm",
    "ZeroedRowForm",
    "form_from_document",
    "stored_tensor",
]
