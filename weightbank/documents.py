"""Text to plain values: JSON, and YAML 1.2 without aliases. No key stands twice.

NaN and infinities get through, as floats: whoever reads the argument refuses them
by its name.
"""

import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, DocumentStartEvent
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.scanner import Scanner

from weightbank.errors import NO_VALUE, SyntaxSpecError, shorten

_ARGUMENT = "the document"
_DEEPEST = 32
# Python refuses to convert integers of thousands of digits.
_TOO_LONG = "holds an integer that is too long"


def parse_json(text: bytes | str) -> Any:
    """Return the values of a JSON document.

    Args:
        text: UTF-8, or a string.

    Raises:
        SyntaxSpecError: If it is not JSON, nests too deeply, or says a key twice.

    Examples:
        >>> parse_json('{"seed": 42}')
        {'seed': 42}
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        document = json.loads(decoded, object_pairs_hook=_unique_pairs)
    except UnicodeDecodeError as error:
        raise _refused(f"is not UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _refused(f"is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise _refused("is nested too deeply", f"{_DEEPEST} levels or fewer") from None
    except ValueError:
        raise _refused(_TOO_LONG) from None
    _check_plain(document)
    return document


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise SyntaxSpecError(_ARGUMENT, NO_VALUE, f"says the key {shorten(key)} twice")
            seen.add(key)
    return document


def parse_yaml(text: bytes | str) -> Any:
    r"""Return the values of one YAML 1.2 document.

    Args:
        text: UTF-8, or a string.

    Raises:
        SyntaxSpecError: If it is not YAML 1.2, has aliases or tags, nests too
            deeply, or says a key twice.

    Examples:
        >>> parse_yaml("seed: 42\nlayers: []")
        {'seed': 42, 'layers': []}
    """
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        loader = YAML(typ="safe", pure=True)
        loader.Scanner = _ShallowScanner
        loader.Composer = _PlainComposer
        document = loader.load(decoded)
    except UnicodeDecodeError as error:
        raise _refused(f"is not UTF-8: {error.reason} at byte {error.start}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        problem = (error.problem or "").split("\n", maxsplit=1)[0]
        raise _refused(f"is not YAML: {problem}{where}") from None
    except (YAMLError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        first_line = str(error).split("\n", maxsplit=1)[0]
        is_long = "set_int_max_str_digits" in first_line
        raise _refused(_TOO_LONG if is_long else f"is not YAML: {first_line}") from None
    except RecursionError:
        raise _refused("is nested too deeply", f"{_DEEPEST} levels or fewer") from None
    _check_plain(document)
    return document


class _ShallowScanner(Scanner):
    """Refuses brackets within brackets as soon as they are too many.

    The scanner reads ahead by a thousand characters, and looks at all open brackets at
    each: a kilobyte of them would take seconds.
    """

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803 - its name
        """Open a bracket, unless too many are."""
        if len(self.flow_context) > _DEEPEST:
            raise _refused("is nested too deeply", f"{_DEEPEST} levels or fewer")
        super().fetch_flow_collection_start(TokenClass, to_push)


class _PlainComposer(Composer):
    """Refuses aliases, tags and directives before anything is built from them."""

    def compose_document(self) -> Any:
        """Compose a document, unless a directive asks for another YAML."""
        event = self.parser.peek_event()
        if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
            raise _refused("has a directive (%) before it", "YAML 1.2 without directives")
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node, unless it is an alias or has a tag."""
        event = self.parser.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            raise _refused(f"has an alias (*{event.anchor}) at line {line}", "YAML without aliases")
        if getattr(event, "tag", None) is not None:
            raise _refused(f"has a tag ({event.tag}) at line {line}", "YAML without tags")
        node = super().compose_node(parent, index)
        if isinstance(node, ScalarNode):
            _check_scalar(node, line)
        return node


def _check_scalar(node: ScalarNode, line: int) -> None:
    """Refuse what only YAML 1.1 reads so: merge keys, and numbers with underscores."""
    tag = str(node.tag).rpartition(":")[2]
    if tag == "merge":
        raise _refused(f"has a merge key (<<) at line {line}", "YAML 1.2, which has none")
    if tag in ("int", "float") and "_" in node.value:
        problem = f"has a number with an underscore ({shorten(node.value)}) at line {line}"
        raise _refused(problem, "digits alone, or a string in quotes")


def _check_plain(document: Any, depth: int = 0) -> None:
    """Refuse what JSON has no word for: YAML's dates, bytes, and keys that are no strings."""
    if depth > _DEEPEST:
        raise _refused("is nested too deeply", f"{_DEEPEST} levels or fewer")
    if isinstance(document, dict):
        for key, value in document.items():
            if not isinstance(key, str):
                raise SyntaxSpecError("the key", key, "is not a string", "keys in quotes")
            _check_plain(value, depth + 1)
    elif isinstance(document, list):
        for value in document:
            _check_plain(value, depth + 1)
    elif not isinstance(document, str | int | float | None):
        kind = type(document).__name__
        raise SyntaxSpecError("the value", document, f"is read as a {kind}", "a string in quotes")


def _refused(problem: str, accepted: str = "") -> SyntaxSpecError:
    return SyntaxSpecError(_ARGUMENT, NO_VALUE, problem, accepted)
