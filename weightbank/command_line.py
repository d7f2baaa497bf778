"""The command line: ``weightbank from-module timm:resnet50 > resnet50.yaml``.

The one place of the library that reads and writes for its user, and imports torch.
"""

import argparse
import importlib
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from weightbank.errors import InvalidArgumentError, WeightbankError
from weightbank.from_module import ModuleSpec, from_module

_HEADS = ("CausalLM", "ImageClassification", "MaskedLM", "Seq2SeqLM", "SequenceClassification")
_LONG_LINE = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Of the command line; those of the process if left out.

    Returns:
        The exit status: 0, or 2 for a mistake of the caller's.
    """
    options = _parser().parse_args(arguments)
    try:
        written = from_module(build_module(options.model), preset=options.preset or None)
        text = dump_json(written) if options.format == "json" else dump_yaml(written)
        if options.output is None:
            sys.stdout.write(text)
        else:
            options.output.write_text(text, encoding="utf-8")
    except (WeightbankError, OSError) as error:
        sys.stderr.write(f"weightbank: {error}\n")
        return 2
    _report(written)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="weightbank", description="Weights to start from.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "from-module",
        help="write the layers of a torch module as a spec",
        description="Build a model on the meta device and write its layers as a spec.",
    )
    command.add_argument(
        "model",
        help="timm:NAME, torchvision:NAME, transformers:TYPE_OR_CLASS (default configuration), or "
        "package.module:callable",
    )
    command.add_argument("--preset", default="torch@2", help="of the spec; empty leaves it out")
    command.add_argument("--format", choices=("yaml", "json"), default="yaml")
    command.add_argument("--output", type=Path, help="a file; standard output if left out")
    return parser


def build_module(reference: str) -> Any:
    """Build a model on the meta device, where it needs no memory.

    Args:
        reference: ``timm:NAME``, ``torchvision:NAME``, ``transformers:NAME`` (a
            model type or class, with its default configuration), or
            ``package.module:callable``.

    Raises:
        InvalidArgumentError: If there is no such model, its package cannot be
            imported, or its constructor fails.
    """
    package, separator, name = reference.partition(":")
    if not separator or not package or not name:
        accepted = "timm:NAME, torchvision:NAME, transformers:NAME or package.module:callable"
        raise InvalidArgumentError("model", reference, "names no model", accepted)
    try:
        torch = _import("torch")
        with torch.device("meta"):
            build = _BUILDERS.get(package)
            return _call(package, name) if build is None else build(name)
    except WeightbankError:
        raise
    except Exception as error:
        # A model's own code can raise anything; its first line says what it misses.
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        problem = f"cannot be built: {type(error).__name__}: {reason}"
        raise InvalidArgumentError("model", reference, problem) from error


def _import(package: str) -> Any:
    """Import an optional package.

    Raises:
        InvalidArgumentError: If that fails, with the reason in one line.
    """
    try:
        return importlib.import_module(package)
    except Exception as error:
        # torchvision, for one, raises a RuntimeError with a torch it was not built for.
        reason = str(error).strip().split("\n", maxsplit=1)[0]
        problem = f"cannot be imported: {type(error).__name__}: {reason}"
        accepted = "an installed package that imports with the torch beside it"
        raise InvalidArgumentError("package", package, problem, accepted) from error


def _timm(name: str) -> Any:
    timm = _import("timm")
    if not timm.is_model(name):
        accepted = "a name of timm.list_models()"
        raise InvalidArgumentError("model", f"timm:{name}", "is no model of timm", accepted)
    return timm.create_model(name, pretrained=False)


def _torchvision(name: str) -> Any:
    models = _import("torchvision.models")
    if name not in models.list_models():
        accepted = "a name of torchvision.models.list_models()"
        raise InvalidArgumentError(
            "model", f"torchvision:{name}", "is no model of torchvision", accepted
        )
    return models.get_model(name, weights=None)


def _transformers(name: str) -> Any:
    """Build a class of transformers, or the usual class of a model type."""
    transformers = _import("transformers")
    if name.isidentifier() and hasattr(transformers, name):
        cls = getattr(transformers, name)
        if hasattr(cls, "config_class"):
            return cls(cls.config_class())
    types = _import("transformers.models.auto.configuration_auto").CONFIG_MAPPING
    if name not in types:
        accepted = "a model type such as gpt2, or a class such as GPT2LMHeadModel"
        raise InvalidArgumentError(
            "model", f"transformers:{name}", "is no model of transformers", accepted
        )
    config = types[name]()
    for head in _HEADS:
        auto = getattr(transformers, f"AutoModelFor{head}")
        if type(config) in auto._model_mapping:  # noqa: SLF001 - there is no public look-up
            return auto.from_config(config)
    return transformers.AutoModel.from_config(config)


def _call(package: str, name: str) -> Any:
    found: Any = _import(package)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise InvalidArgumentError("model", f"{package}:{name}", "is nothing that can be called")
    return found()


_BUILDERS: dict[str, Callable[[str], Any]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "transformers": _transformers,
}


def dump_json(written: ModuleSpec) -> str:
    """Return a spec as indented JSON."""
    return json.dumps(written.document, indent=2, ensure_ascii=False) + "\n"


def dump_yaml(written: ModuleSpec) -> str:
    """Return a spec as YAML, one layer a line."""
    document = CommentedMap(written.document)
    document["layers"] = [_flow(layer) for layer in written.document["layers"]]
    yaml = YAML()
    yaml.width = _LONG_LINE
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _flow(layer: dict[str, Any]) -> CommentedMap:
    flow = CommentedMap(layer)
    flow.fa.set_flow_style()
    return flow


def _report(written: ModuleSpec) -> None:
    """Say on standard error what a spec does not know of the model."""
    preset = written.document.get("preset", "advised@1")
    sys.stderr.write(
        "weightbank: the layers were read, not the model's own initialization code: what no rule "
        f"decides gets {preset}\n"
    )
    for names, text in (
        (written.unvalued, "without a value that could be read; add `value` to"),
        (
            [name for name in written.unknown if name not in set(written.unvalued)],
            "of no layer we know; give an `init` or a rule to",
        ),
        (
            written.transient,
            "in no state dict (persistent=False): make anew, after loading, the buffers",
        ),
    ):
        if names:
            shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")  # noqa: PLR2004
            sys.stderr.write(f"weightbank: tensors {text} ({len(names)}): {shown}\n")
