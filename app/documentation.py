"""The page at /docs: the interface's description as plain HTML.

It loads nothing from anywhere, because clusters have no way out, and has no
scripts: what it is for is reading, and pasting commands.
"""

import json
from html import escape
from typing import Any

from app.security_headers import page_policy

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
pre { background: #f4f4f4; overflow-x: auto; padding: .75rem }
code, pre { font: 14px/1.4 ui-monospace, monospace }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .5rem; text-align: left;
  vertical-align: top }
h2 { border-bottom: 2px solid #333; margin-top: 2.5rem }
h3 { margin-top: 2rem }
"""

_COMMANDS = """Commands ask a server at `http://127.0.0.1:8000`: put the address of yours there.
Where keys are needed, add `-H "Authorization: Bearer $KEY"`, with a key that has the scope."""

POLICY = page_policy(styles=[_STYLE])
"""What a browser may do with the page: show it, in its own style."""


def render_documentation(openapi: dict[str, Any]) -> str:
    """Return the page.

    Args:
        openapi: The OpenAPI document.

    Examples:
        >>> page = render_documentation({"info": {"title": "T", "version": "1"}, "paths": {}})
        >>> "<title>T</title>" in page
        True
    """
    info = openapi["info"]
    sections = [_section(openapi, tag) for tag in openapi.get("tags", [])]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"{_paragraphs(info.get('description', ''))}"
        f"{_paragraphs(_COMMANDS)}"
        '<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>'
        f"{''.join(sections)}</html>"
    )


def _section(openapi: dict[str, Any], tag: dict[str, Any]) -> str:
    operations = [
        _operation(path, method, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
        if tag["name"] in operation.get("tags", [])
    ]
    title = f"<h2>{escape(tag['name'].capitalize())}</h2>"
    return title + _paragraphs(tag.get("description", "")) + "".join(operations)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    title = f"{method.upper()} {path}"
    scope = operation.get("x-scope")
    needs = "Needs no key." if scope is None else f"Scope: `{scope}`."
    samples = "".join(_pre(sample["source"]) for sample in operation.get("x-codeSamples", []))
    return (
        f"<h3 id={escape(operation['operationId'])}><code>{escape(title)}</code></h3>"
        f"<p><strong>{escape(operation.get('summary', ''))}.</strong></p>"
        f"{_paragraphs(operation.get('description', ''))}{_paragraphs(needs)}{samples}"
        f"{_parameters(operation.get('parameters', []))}"
        f"{_body(operation.get('requestBody', {}))}"
        f"{_answers(operation.get('responses', {}))}"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = [
        (parameter["name"], parameter["in"], _inline(parameter.get("description", "")))
        for parameter in parameters
    ]
    return _table(("parameter", "in", ""), rows)


def _body(body: dict[str, Any]) -> str:
    parts = []
    for media_type, content in body.get("content", {}).items():
        for example in content.get("examples", {}).values():
            value = example["value"]
            text = value if isinstance(value, str) else json.dumps(value, indent=2)
            parts.append(
                f"<details><summary>{escape(example.get('summary', 'Example'))}, "
                f"as <code>{escape(media_type)}</code></summary>{_pre(text)}</details>"
            )
    return "".join(parts)


def _answers(answers: dict[str, dict[str, Any]]) -> str:
    rows = [
        (status, ", ".join(answer.get("content", {})), _inline(answer["description"]))
        for status, answer in answers.items()
    ]
    return _table(("status", "type", ""), rows)


def _table(heads: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td><td>{text}</td></tr>"
        for name, kind, text in rows
    )
    return f"<table><tr>{head}</tr>{lines}</table>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n") if part.strip())


def _inline(text: str) -> str:
    """Escape a text and turn its `code` into markup."""
    pieces = escape(text, quote=False).split("`")
    return "".join(
        f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces)
    )


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
