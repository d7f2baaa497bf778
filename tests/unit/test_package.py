"""The library from outside: what it offers, and what it does not need."""

import subprocess
import sys

import pytest

import weightbank

WITHOUT_OTHERS = """
import sys
from importlib.abc import MetaPathFinder

BLOCKED = {"fastapi", "starlette", "uvicorn", "pydantic", "pydantic_settings", "sqlalchemy",
           "prometheus_client", "structlog", "torch", "timm", "transformers", "safetensors",
           "app", "services", "schemas"}

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import weightbank
import weightbank.command_line
document = weightbank.parse_yaml('layers: [{name: fc, type: Linear, in_features: 4, '
                                 'out_features: 3, nonlinearity: gelu}]')
file = weightbank.weights(document, seed=42, backend=weightbank.ReferenceBackend())
assert len(file.read(0, file.size_bytes)) == file.size_bytes
assert weightbank.command_line.main(["from-module", "timm:resnet50"]) == 2
print(*sorted(BLOCKED & set(sys.modules)))
"""


def test_the_library_needs_no_server_and_no_torch() -> None:
    """It imports and makes a file where none of their packages can be imported."""
    result = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", WITHOUT_OTHERS], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "\n"), result.stderr
    assert "'torch' cannot be imported: ImportError: torch is blocked" in result.stderr


def test_everything_offered_is_there() -> None:
    """``__all__`` is sorted as ruff sorts it, complete, and without names that are not there."""
    public = {name for name in vars(weightbank) if not name.startswith("_") and name != "Any"}
    modules = {name for name in public if type(getattr(weightbank, name)) is type(sys)}
    from_modules = {"resolve"}  # a function that hides its module
    assert set(weightbank.__all__) == (public - modules) | from_modules


@pytest.mark.parametrize("name", weightbank.__all__)
def test_everything_offered_is_described(name: str) -> None:
    """Each public object has a docstring."""
    assert name == "ALGORITHM" or getattr(weightbank, name).__doc__


def test_the_algorithm_is_the_first() -> None:
    """A byte changes only with this number."""
    assert weightbank.ALGORITHM == 1
