"""The guard against ever changing a byte: ids and files of specs of every form.

What these files hold never changes. If one of these tests fails, bytes that were
promised for good are not what they were: mend the code, never the file.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import definitions
from tests.specs import file_of, parameter, values_of
from tests.vectors import stored
from tests.vectors.write import DTYPES, SEED, SPECS, answer, project
from weightbank import Backend, CpuBackend, Layout, ReferenceBackend, Spec, WeightsFile, resolve
from weightbank.adaptations.document import ADAPTATIONS
from weightbank.forms.document import FORMS

VECTORS = Path(__file__).parents[1] / "vectors"
RELEASED: dict[str, Any] = json.loads((VECTORS / "spec_ids.json").read_text("utf-8"))
PROJECT: dict[str, Any] = json.loads((VECTORS / "project.json").read_text("utf-8"))
STORED: dict[str, Any] = json.loads((VECTORS / "stored.json").read_text("utf-8"))
BACKENDS: dict[str, Backend] = {"reference": ReferenceBackend(), "cpu": CpuBackend()}
CASES = {case["name"]: case for case in RELEASED["specs"]}


@pytest.mark.parametrize("name", CASES)
def test_ids_never_change(name: str) -> None:
    """A spec has the id that it had when it was written down."""
    case = CASES[name]
    assert resolve(Spec.from_document(case["spec"])).resolved.id == case["id"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_bytes_never_change(name: str, backend: str, dtype: str) -> None:
    """A file is the one that was written down, from each backend and in each dtype."""
    case = CASES[name]
    resolved = resolve(Spec.from_document(case["spec"])).resolved.with_dtype(dtype)
    file = WeightsFile(Layout.of(resolved), seed=RELEASED["seed"], backend=BACKENDS[backend])
    digest = hashlib.sha256(file.read(0, file.size_bytes)).hexdigest()
    assert digest == case["sha256"][dtype]


def test_the_id_of_a_spec_from_a_checkpoint_never_changes() -> None:
    """With the names, the hash and the adaptations that are in it."""
    assert stored.resolved().id == STORED["id"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_bytes_from_a_checkpoint_never_change(backend: str, dtype: str) -> None:
    """Copied, converted, fitted, chosen, and drawn with its moments."""
    digest = stored.digest(dtype, STORED["seed"], BACKENDS[backend])
    assert digest == STORED["sha256"][dtype]


def test_every_form_is_frozen() -> None:
    """No form is without a known answer, and no way to fit a stored tensor."""

    def types(document: Any) -> set[str]:
        if isinstance(document, dict):
            own = {document["type"]} if "type" in document else set()
            return own.union(*map(types, document.values()))
        return set().union(*map(types, document)) if isinstance(document, list) else set()

    frozen = [resolve(Spec.from_document(case["spec"])).resolved for case in CASES.values()]
    frozen.append(stored.resolved())
    assert set().union(*(types(spec.document()) for spec in frozen)) == {*FORMS, *ADAPTATIONS}


def test_the_writer_would_write_these() -> None:
    """The program that wrote the answers is the one that stands beside them."""
    assert RELEASED["seed"] == PROJECT["seed"] == SEED
    assert [answer(name) for name in SPECS] == RELEASED["specs"]
    assert json.loads(json.dumps(project())) == PROJECT
    assert stored.answer(SEED, DTYPES) == STORED


def expected(case: dict[str, Any], values: Any) -> bool:
    """Return whether values are those of a known answer."""
    if "float32" in case:
        bits = [int(word, 16) for word in case["float32"]]
        return bool(np.array_equal(values.reshape(-1).view(np.uint32), np.array(bits, np.uint32)))
    return hashlib.sha256(values.tobytes()).hexdigest() == case["sha256"]


@pytest.mark.parametrize("case", PROJECT["sparse"], ids=str)
def test_sparse_matrices_of_the_known_answers(case: dict[str, Any]) -> None:
    """A sparse matrix is the one that the page defines."""
    init = {"type": "sparse", "sparsity": case["sparsity"], "std": case["std"]}
    assert expected(case, values_of(init, case["shape"], seed=SEED, name=case["name"]))


@pytest.mark.parametrize("case", PROJECT["orthogonal_parts"], ids=str)
def test_orthogonal_parts_of_the_known_answers(case: dict[str, Any]) -> None:
    """Parts of an orthogonal tensor are the ones that the page defines."""
    init = {"type": "orthogonal", "split": {"axis": case["axis"], "sizes": case["sizes"]}}
    assert expected(case, values_of(init, case["shape"], seed=SEED, name=case["name"]))


@pytest.mark.parametrize("case", PROJECT["dirac"], ids=str)
def test_dirac_of_the_known_answers(case: dict[str, Any]) -> None:
    """The ones of a dirac convolution are where the page says."""
    values = values_of({"type": "dirac", "groups": case["groups"]}, case["shape"])
    assert values.reshape(-1).nonzero()[0].tolist() == case["ones"]


def test_a_changed_word_would_be_seen() -> None:
    """The comparison can fail: another seed gives another digest."""
    case = PROJECT["sparse"][0]
    init = {"type": "sparse", "sparsity": case["sparsity"], "std": case["std"]}
    assert not expected(case, values_of(init, case["shape"], seed=SEED + 1, name=case["name"]))


@pytest.mark.parametrize("rows", [1, 2, 7, 64])
@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.93])
def test_sparse_is_its_definition(rows: int, sparsity: float) -> None:
    """Any shape and share give the matrix of the second implementation, in both backends."""
    shape = [rows, 9]
    defined = definitions.sparse(SEED, "p", (rows, 9), sparsity=sparsity, std=0.3)
    layer = parameter(shape, {"type": "sparse", "sparsity": sparsity, "std": 0.3})
    for backend in BACKENDS.values():
        file = file_of(layer, seed=SEED, backend=backend)
        assert file.elements("p", 0, rows * 9).tobytes() == defined.tobytes()
