"""The command line: a model's name in, a spec out."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.state_dicts import declared, on_meta, state
from weightbank import Spec, parse_json, parse_yaml, resolve
from weightbank.command_line import build_module, main
from weightbank.errors import InvalidArgumentError

SMALL = f"{__name__}:Small"


class Small(torch.nn.Sequential):
    """A model of a few layers."""

    def __init__(self) -> None:
        super().__init__(
            torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2)
        )


def written(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that succeeds, and return what it wrote."""
    assert main(["from-module", *arguments]) == 0
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that fails, and return its one line."""
    assert main(["from-module", *arguments]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("weightbank: ")
    assert streams.err.count("\n") == 1
    return streams.err


@pytest.mark.usefixtures("torchvision_operators")
@pytest.mark.parametrize("model", ["timm:resnet50", "torchvision:resnet18"])
def test_image_models(capsys: pytest.CaptureFixture[str], model: str) -> None:
    """The spec of a library's model resolves to its state dict's tensors, in order."""
    document = parse_yaml(written(capsys, model))
    assert declared(document) == state(build_module(model))
    assert resolve(Spec.from_document(document)).warnings == ()


def test_gpt2_of_transformers(capsys: pytest.CaptureFixture[str]) -> None:
    """GPT-2's spec has its transposed layers and its tied head."""
    from transformers import GPT2Config, GPT2LMHeadModel

    document = parse_yaml(written(capsys, "transformers:gpt2"))
    assert declared(document) == state(on_meta(lambda: GPT2LMHeadModel(GPT2Config())))
    assert document["layers"][-1]["init"] == {"type": "tie", "to": "transformer.wte.weight"}
    assert {layer["type"] for layer in document["layers"]} == {
        "Embedding", "LayerNorm", "Conv1D", "Linear",
    }  # fmt: skip


def test_a_class_of_transformers(capsys: pytest.CaptureFixture[str]) -> None:
    """A class is built with its default configuration."""
    from transformers import BertConfig, BertModel

    document = parse_yaml(written(capsys, "transformers:BertModel"))
    assert declared(document) == state(on_meta(lambda: BertModel(BertConfig())))


def test_any_callable(capsys: pytest.CaptureFixture[str]) -> None:
    """Any callable of any package that returns a module will do."""
    text = written(capsys, SMALL, "--preset", "")
    document = parse_yaml(text)
    assert "preset" not in document
    assert declared(document) == state(on_meta(Small))


def test_json_and_yaml_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """The two formats are of one document."""
    yaml = written(capsys, SMALL)
    text = written(capsys, SMALL, "--format", "json")
    assert parse_json(text) == parse_yaml(yaml) == json.loads(text)


def test_a_layer_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """YAML has one layer a line, so that a person can read and compare it."""
    lines = written(capsys, SMALL).splitlines()
    document = parse_yaml("\n".join(lines))
    assert len(lines) == 3 + len(document["layers"])


def test_output_to_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With --output nothing goes to standard output."""
    target = tmp_path / "spec.yaml"
    assert written(capsys, SMALL, "--output", str(target)) == ""
    assert parse_yaml(target.read_bytes())["dtype"] == "float32"


def test_output_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A path that cannot be written is one line."""
    target = tmp_path / "missing" / "spec.yaml"
    assert "No such file" in refusal(capsys, SMALL, "--output", str(target))


def test_unknown_tensors_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """What needs an initializer or a value is said on standard error."""
    assert main(["from-module", f"{__name__}:{Unknown.__name__}"]) == 0
    error = capsys.readouterr().err
    assert "without a value that could be read; add `value` to (1): position" in error
    assert "of no layer we know; give an `init` or a rule to (1): scale" in error


def test_what_a_spec_does_not_hold_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Initialization code is not read, and a buffer in no state dict is not in the file."""
    assert main(["from-module", f"{__name__}:{Unknown.__name__}"]) == 0
    error = capsys.readouterr().err
    assert "not the model's own initialization code: what no rule decides gets torch@2" in error
    assert "in no state dict (persistent=False): make anew, after loading" in error
    assert error.endswith("the buffers (1): frequencies\n")


class Unknown(torch.nn.Module):
    """A module with tensors that belong to no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.ones(2), persistent=False)
        self.scale = torch.nn.Parameter(torch.zeros(2))
        self.register_buffer("position", torch.zeros(2))


class Broken(torch.nn.Module):
    """A module whose constructor fails."""

    def __init__(self) -> None:
        raise KeyError("no such\nkey")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("resnet50", "model 'resnet50' names no model; accepted: timm:NAME, torchvision:NAME"),
        (":resnet50", "names no model"),
        ("timm:", "names no model"),
        ("transformers:gpt2x", "'transformers:gpt2x' is no model of transformers; accepted: a"),
        ("no_such_package:f", "'no_such_package' cannot be imported: ModuleNotFoundError"),
        ("torch.nn:nothing", "'torch.nn:nothing' is nothing that can be called"),
        ("torch.nn:Linear", "cannot be built: TypeError: Linear.__init__() missing 2 required"),
        ("builtins:dict", "module 'dict' is no torch module"),
        ("torch.nn:ReLU", "module 'ReLU' has no tensors"),
    ],
)
def test_refused_models(capsys: pytest.CaptureFixture[str], model: str, message: str) -> None:
    """A model that cannot be written is one line that says why."""
    assert message in refusal(capsys, model)


@pytest.mark.usefixtures("torchvision_operators")
@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_unknown_models_of_a_library(capsys: pytest.CaptureFixture[str], library: str) -> None:
    """A name that a library does not know is said to be none of its."""
    message = f"model '{library}:nothing' is no model of {library}; accepted: a name of"
    assert message in refusal(capsys, f"{library}:nothing")


def test_only_the_first_line_of_a_failure_is_shown() -> None:
    """Whatever a constructor raises becomes one line, with its cause kept."""
    with pytest.raises(InvalidArgumentError, match="cannot be built: KeyError") as caught:
        build_module(f"{__name__}:Broken")
    assert isinstance(caught.value.__cause__, KeyError)


FAILING_IMPORT = """
import sys
from importlib.abc import MetaPathFinder

class Failing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torchvision" or name == "timm":
            raise RuntimeError("operator torchvision::nms does not exist")

sys.meta_path.insert(0, Failing())
from weightbank.command_line import main
sys.exit(main(["from-module", sys.argv[1]]))
"""


@pytest.mark.parametrize("model", ["timm:resnet50", "torchvision:resnet18"])
def test_a_library_that_does_not_import(model: str) -> None:
    """Where torchvision does not fit torch, one line says so, without a traceback."""
    result: Any = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", FAILING_IMPORT, model], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "cannot be imported: RuntimeError: operator torchvision::nms does not" in result.stderr
