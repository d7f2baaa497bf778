"""The interface's description: what all routes share, and the document itself."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.errors import status_of
from app.problems import PROBLEM_JSON, make_problem
from schemas.catalogues import Initializers, Layers, Nonlinearities, Presets
from schemas.checkpoints import CheckpointOut, KeptCheckpointsOut, PrefetchOut, RemovalOut
from schemas.differences import SpecDifferenceOut
from schemas.digests import DigestsOut, DigestsProgressOut
from schemas.examples import MLP, MLP_YAML, RESIDUAL_BLOCK, RESIDUAL_BLOCK_YAML
from schemas.names import NameIn, NamesOut, NameVersionOut, NameVersionsOut, RetiredNameOut
from schemas.operation import Health, Readiness
from schemas.problems import Problem
from schemas.spec_catalogue import ImportedOut, ListedSpecsOut
from schemas.specs import SpecIn
from schemas.summaries import PostedSpec, StoredSpecOut

_CODES_OF_ALL_ROUTES = (
    "invalid_query",
    "unknown_parameter",
    "repeated_parameter",
    "unknown_host",
    "shutting_down",
    "internal",
)
"""Every route reads its query strictly, and any of them may fail or be stopped."""

SECURITY_SCHEME = "key"
_SECURITY_SCHEMES = {
    SECURITY_SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "wb_<id>_<secret>",
        "description": "A key of this server, as `python -m app keys create` makes them. What it "
        "has to open is each operation's `x-scope`. A server whose keys are off, as on loopback, "
        "takes requests without one.",
    }
}

_REF = "#/components/schemas/{model}"
_SENT_MODELS: tuple[type[BaseModel], ...] = (
    CheckpointOut,
    DigestsOut,
    DigestsProgressOut,
    Health,
    ImportedOut,
    Initializers,
    KeptCheckpointsOut,
    Layers,
    ListedSpecsOut,
    NameVersionOut,
    NameVersionsOut,
    NamesOut,
    Nonlinearities,
    PostedSpec,
    PrefetchOut,
    Presets,
    Problem,
    Readiness,
    RemovalOut,
    RetiredNameOut,
    SpecDifferenceOut,
    StoredSpecOut,
)

DESCRIPTION = """\
Weightbank hands out the weights a training run starts from. Post a spec (the layers of a model,
and how each tensor starts), and get a safetensors file. Whoever has the spec's id and the seed
gets the same bytes, on any machine, for good; any range of bytes can be asked for alone.

Errors are problem documents (RFC 9457) with a stable `code`.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "specs", "description": "Layers and how they start."},
    {"name": "names", "description": "What a team calls its specs, version by version."},
    {"name": "weights", "description": "The files, and any part of them."},
    {"name": "checkpoints", "description": "Pretrained weights of the Hugging Face Hub."},
    {"name": "catalogue", "description": "What a spec can say."},
    {"name": "operation", "description": "For those who run the service."},
]


def spec_body() -> dict[str, Any]:
    """Return the description of a body that is a spec, with specs to paste."""
    schema = {"$ref": _REF.format(model="SpecIn")}
    return {
        "required": True,
        "description": "The spec itself.",
        "content": {
            "application/json": {
                "schema": schema,
                "examples": {
                    "mlp": {"summary": "Two linear layers", "value": MLP},
                    "residual_block": {"summary": "A residual block", "value": RESIDUAL_BLOCK},
                },
            },
            "application/yaml": {
                "schema": schema,
                "examples": {
                    "mlp": {"summary": "Two linear layers", "value": MLP_YAML},
                    "residual_block": {
                        "summary": "A residual block",
                        "value": RESIDUAL_BLOCK_YAML,
                    },
                },
            },
        },
    }


def json_body(model: type[BaseModel], description: str) -> dict[str, Any]:
    """Return the description of a body that is not a spec."""
    content = {"schema": {"$ref": _REF.format(model=model.__name__)}}
    return {
        "required": True,
        "description": description,
        "content": {"application/json": content, "application/yaml": content},
    }


def json_answer(model: type[BaseModel], description: str) -> dict[str, Any]:
    """Return the description of an answer in JSON."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def octets_answer(description: str, **headers: str) -> dict[str, Any]:
    """Return the description of an answer in bytes, with headers and what they say."""
    return {
        "description": description,
        "headers": {
            name.replace("_", "-"): {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        },
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }


def ranges_answer(description: str, **headers: str) -> dict[str, Any]:
    """Return the description of an answer with a range, or with several in parts."""
    described = octets_answer(description, **headers)
    described["content"]["multipart/byteranges"] = {
        "schema": {"type": "string", "format": "binary"}
    }
    return described


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of the problems that a route can answer with.

    Examples:
        >>> sorted(problems("unknown_spec", "missing_seed"))
        [404, 421, 422, 500, 503]
    """
    by_status: dict[int | str, list[str]] = {}
    for code in (*codes, *_CODES_OF_ALL_ROUTES):
        by_status.setdefault(status_of(code), []).append(code)
    return {status: _problem_answer(listed) for status, listed in by_status.items()}


def _problem_answer(codes: Sequence[str]) -> dict[str, Any]:
    return {
        "description": "Problem: " + ", ".join(f"`{code}`" for code in codes),
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": _REF.format(model="Problem")},
                "examples": {code: {"value": _example(code)} for code in codes},
            }
        },
    }


def _example(code: str) -> dict[str, Any]:
    problem = make_problem(code, detail="What was wrong; accepted: what is.", instance="/v1/...")
    return problem.model_dump(exclude_none=True)


def curl(source: str) -> list[dict[str, str]]:
    """Return a command to paste, where documentation tools look for it."""
    return [{"lang": "Shell", "label": "curl", "source": source}]


def curl_with_spec(command: str) -> list[dict[str, str]]:
    """Return a command to paste that sends a spec which it brings along."""
    header = "-H 'Content-Type: application/yaml'"
    return curl(f"{command} \\\n  {header} --data-binary @- <<'END'\n{MLP_YAML}END")


def install_openapi(app: FastAPI) -> None:
    """Let the app describe itself with our models."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=TAGS,
            )
            components = document.setdefault("components", {})
            components["schemas"] = _schemas()
            components["securitySchemes"] = _SECURITY_SCHEMES
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _schemas() -> dict[str, Any]:
    modes: list[tuple[type[BaseModel], Any]] = [(SpecIn, "validation"), (NameIn, "validation")]
    modes += [(model, "serialization") for model in _SENT_MODELS]
    _, definitions = models_json_schema(modes, ref_template=_REF)
    schemas: dict[str, Any] = definitions["$defs"]
    return dict(sorted(schemas.items()))
