"""The interface's description: as it was, complete, and with examples that work."""

import json
import re
from typing import Any

import pytest

from app.application import create_app
from app.errors import STATUS_OF_CODE, status_of
from app.problems import PROBLEM_JSON
from app.settings import Settings
from schemas.problems import Problem
from schemas.specs import SpecIn
from tests.contract.update_openapi import SNAPSHOT, openapi_document
from weightbank.documents import parse_yaml
from weightbank.errors import WeightbankError
from weightbank.limits import Limits
from weightbank.resolve import resolve
from weightbank.spec import _KEYS

HOW = "if the change is meant: python -m tests.contract.update_openapi"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The description of the interface."""
    return openapi_document()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """All operations with their methods and paths."""
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_interface_is_as_it_was(document: dict[str, Any]) -> None:
    """A change of it is a decision, and shows in a diff."""
    assert json.loads(json.dumps(document)) == json.loads(SNAPSHOT.read_text("utf-8")), HOW


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    """In words, with a command to paste and the problems it can answer with."""
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert len(operation["description"]) > 30, where
        assert operation["x-codeSamples"][0]["source"].startswith("curl "), where
        assert "500" in operation["responses"], where
        for name in re.findall(r"\{(\w+)\}", path):
            names = {item["name"] for item in operation["parameters"] if item["in"] == "path"}
            assert name in names, where
        for parameter in operation.get("parameters", []):
            assert parameter["description"], where
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)


def test_every_problem_has_one_shape(document: dict[str, Any]) -> None:
    """Also in the description, where examples are problems of their own status."""
    for method, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) < 400:
                continue
            content = answer["content"]
            assert list(content) == [PROBLEM_JSON], f"{method} {path} {status}"
            for code, example in content[PROBLEM_JSON]["examples"].items():
                problem = Problem.model_validate(example["value"])
                assert (problem.code, problem.status) == (code, int(status))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """And every schema is used."""
    text = json.dumps(document)
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert referred == set(document["components"]["schemas"])


@pytest.mark.parametrize("path", ["/v1/specs", "/v1/weights"])
@pytest.mark.parametrize("media_type", ["application/json", "application/yaml"])
def test_examples_of_specs_can_be_pasted(
    document: dict[str, Any], path: str, media_type: str
) -> None:
    """They resolve, without a warning."""
    content = document["paths"][path]["post"]["requestBody"]["content"]
    for example in content[media_type]["examples"].values():
        value = example["value"]
        parsed = parse_yaml(value) if isinstance(value, str) else value
        spec = SpecIn.from_document(parsed, limits=Limits()).to_spec(limits=Limits())
        assert spec.seed is not None
        assert resolve(spec).warnings == ()


def test_the_wire_and_the_library_know_the_same_keys() -> None:
    """A key that only one of them reads would be refused or ignored by accident."""
    assert set(SpecIn.model_fields) == set(_KEYS)


def test_every_error_of_the_library_has_a_status() -> None:
    """A code is an argument's mistake, or in the table."""

    def codes(cls: type[WeightbankError]) -> set[str]:
        return {cls.code}.union(*(codes(child) for child in cls.__subclasses__()))

    create_app(Settings())
    for code in codes(WeightbankError):
        assert status_of(code) == 422 or code in STATUS_OF_CODE


def test_what_a_spec_may_leave_out_may_be_null(document: dict[str, Any]) -> None:
    """It is read as not given, and so the description allows it."""
    schema = document["components"]["schemas"]["SpecIn"]
    optional = set(schema["properties"]) - set(schema["required"])
    assert optional == {"allow", "dtype", "preset", "rules", "seed"}
    for name in optional:
        assert "null" in schema["properties"][name]["type"], name
    assert None in schema["properties"]["dtype"]["enum"]


def test_wherever_ranges_are_answered_several_are(document: dict[str, Any]) -> None:
    """In parts, whose media type is another one."""
    for method, path, operation in operations(document):
        if "206" in operation["responses"]:
            content = operation["responses"]["206"]["content"]
            where = f"{method} {path}"
            assert set(content) == {"application/octet-stream", "multipart/byteranges"}, where
