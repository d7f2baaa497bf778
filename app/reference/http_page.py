"""The HTTP interface as a page, of the document that describes it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.application import create_app
from app.problems import PROBLEM_JSON
from app.reference.markdown import table, written
from app.settings import Settings

_HEAD = """\
# HTTP interface

<!-- Made of the code by `make reference`: change it there. -->

A server describes itself at `/docs`, and for programs at `/openapi.json`; this page is made of the
same. Where keys are needed one is sent as `Authorization: Bearer`, and has to open the scope that
is named. Every parameter that a route does not know is refused.

Commands below take the ids of two specs from `$ID` and `$OTHER`, and a name of three versions:

```sh
post() {
  curl -s --data-binary @- -H 'Content-Type: application/yaml' http://127.0.0.1:8000/v1/specs |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'
}
ID=$(post < examples/resnet50.yaml)
OTHER=$(sed 's/out_features: 1000/out_features: 10/' examples/resnet50.yaml | post)
for SPEC in $ID $OTHER $ID; do
  curl -s -o answer.json -X PUT http://127.0.0.1:8000/v1/names/vision/resnet50 \\
    -H 'Content-Type: application/json' -d '{"spec": "'$SPEC'"}'
done
```
"""

_PROBLEMS = """
## Problems

Everything that is refused or goes wrong is a problem document (RFC 9457, `{media_type}`) with a
`code` that stays. These are all codes:

"""

_REMOVES = "<!-- not run: removes what later blocks need -->\n"

Document = Mapping[str, Any]


def http_page() -> str:
    """Return the page."""
    document = create_app(Settings()).openapi()
    parts = [_HEAD]
    for tag in document["tags"]:
        parts.append(f"\n## {tag['name'].capitalize()}\n\n{tag['description']}\n")
        parts += [
            _operation(method, path, operation)
            for method, path, operation in _operations(document)
            if tag["name"] in operation["tags"]
        ]
    parts.append(_PROBLEMS.format(media_type=PROBLEM_JSON) + _codes(document))
    return "".join(parts)


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Return all operations; HEAD is told of where its GET is."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method == "head":
                continue
            shown = "get, head" if method == "get" and "head" in methods else method
            yield shown.upper(), path, operation


def _operation(method: str, path: str, operation: Document) -> str:
    scope = operation.get("x-scope")
    needs = "Needs no key." if scope is None else f"Scope: `{scope}`."
    command = operation["x-codeSamples"][0]["source"]
    mark = _REMOVES if method == "DELETE" else ""
    return (
        f"\n### {method} {path}\n\n{operation['summary']}. {operation['description']} {needs}\n\n"
        f"{mark}```sh\n{command}\n```\n"
        + _parameters(operation)
        + _body(operation)
        + "\n"
        + table(["answer", "is"], _answers(operation))
    )


def _parameters(operation: Document) -> str:
    rows = [
        [
            written(parameter["name"]),
            parameter["in"] + (", needed" if parameter["required"] else ""),
            _kind(parameter["schema"]),
            parameter["description"],
        ]
        for parameter in operation.get("parameters", ())
    ]
    return "\n" + table(["parameter", "in", "is", "what it says"], rows) if rows else ""


def _kind(schema: Document) -> str:
    if "enum" in schema:
        return ", ".join(written(value) for value in schema["enum"])
    return str(schema.get("type", ""))


def _body(operation: Document) -> str:
    if "requestBody" not in operation:
        return ""
    body = operation["requestBody"]
    kinds = " or ".join(written(kind) for kind in body["content"])
    return f"\nBody: {body.get('description', '')} {kinds}.\n"


def _answers(operation: Document) -> Iterator[list[str]]:
    for status, answer in sorted(operation["responses"].items(), key=lambda item: str(item[0])):
        kinds = [kind for kind in answer.get("content", ()) if kind != PROBLEM_JSON]
        shown = " " + ", ".join(written(kind) for kind in kinds) if kinds else ""
        yield [str(status), answer["description"] + shown]


def _codes(document: Document) -> str:
    found: dict[str, set[str]] = {}
    for _, _, operation in _operations(document):
        for status, answer in operation["responses"].items():
            if PROBLEM_JSON in answer.get("content", ()):
                for code in re.findall(r"`(\w+)`", answer["description"]):
                    found.setdefault(code, set()).add(str(status))
    rows = ([written(code), ", ".join(sorted(found[code]))] for code in sorted(found))
    return table(["code", "status"], rows)
