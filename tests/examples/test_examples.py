"""The examples at full size, as a user would fetch them: over HTTP, from two servers."""

import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from safetensors.torch import load_file, save_file

from weightbank import parse_yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ("resnet50", "vit_b16", "gpt2")
REMOVED = {
    "resnet50": "layer2.1.conv2",
    "vit_b16": "vit.layers.5.mlp.fc1",
    "gpt2": "transformer.h.11.mlp.c_proj",
}
PARAMETERS = {
    "resnet50": 25_557_032,
    "resnet50:torchvision": 25_557_032,
    "vit_b16": 86_567_656,
    "gpt2": 124_439_808,  # with its head tied
}
SEED = 42
RANGE_BYTES = 37_000_001
TIMEOUT_SECONDS = 300

pytestmark = pytest.mark.examples


def spec_of(name: str) -> bytes:
    """Return the text of an example."""
    return (ROOT / "examples" / f"{name}.yaml").read_bytes()


def fetch(url: str, spec: bytes, target: Path, media_type: str = "application/yaml") -> str:
    """Post a spec, write what comes to a file, and return the path of the same bytes."""
    with httpx.stream(
        "POST",
        f"{url}/v1/weights?seed={SEED}",
        content=spec,
        headers={"Content-Type": media_type},
        timeout=TIMEOUT_SECONDS,
    ) as response:
        response.raise_for_status()
        with target.open("wb") as file:
            for chunk in response.iter_raw(2**20):
                file.write(chunk)
        assert target.stat().st_size == int(response.headers["Content-Length"])
        return response.headers["Content-Location"]


def fetch_in_ranges(url: str, path: str, target: Path) -> None:
    """Fetch a file in ranges of an odd size, in a shuffled order."""
    with httpx.Client(timeout=TIMEOUT_SECONDS) as client, target.open("wb") as file:
        size = int(client.head(f"{url}{path}").headers["Content-Length"])
        starts = list(range(0, size, RANGE_BYTES))
        random.Random(SEED).shuffle(starts)  # noqa: S311 - an order, not a secret
        for start in starts:
            stop = min(start + RANGE_BYTES, size)
            headers = {"Range": f"bytes={start}-{stop - 1}"}
            response = client.get(f"{url}{path}", headers=headers)
            assert response.status_code == httpx.codes.PARTIAL_CONTENT
            file.seek(start)
            file.write(response.content)


def same_bytes(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Compare bits, so that -0 differs from 0."""
    flat = (tensor.reshape(-1).view(torch.uint8) for tensor in (first, second))
    return torch.equal(*flat)


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module", params=EXAMPLES)
def example(
    request: pytest.FixtureRequest,
    servers: tuple[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, str]:
    """The name of an example, its file from the first server, and the file's path there."""
    target = tmp_path_factory.mktemp("files") / "model.safetensors"
    return request.param, target, fetch(servers[0], spec_of(request.param), target)


def test_the_file_has_the_digest_it_always_had(example: tuple[str, Path, str]) -> None:
    """No byte of an example ever changes."""
    name, file, _ = example
    known = json.loads((ROOT / "tests" / "vectors" / "examples.json").read_text("utf-8"))
    assert sha256(file) == known["sha256"][name]


def test_the_readme_tells_the_right_digest() -> None:
    """What a newcomer compares the first download with is right."""
    known = json.loads((ROOT / "tests" / "vectors" / "examples.json").read_text("utf-8"))
    assert known["sha256"]["resnet50"] in (ROOT / "README.md").read_text("utf-8")


def test_a_second_server_sends_the_same_file_in_any_order_of_ranges(
    example: tuple[str, Path, str], servers: tuple[str, str], tmp_path: Path
) -> None:
    """Two processes that share nothing but the spec and the seed have one sha256."""
    name, file, path = example
    registered = httpx.post(
        f"{servers[1]}/v1/specs",
        content=spec_of(name),
        headers={"Content-Type": "application/yaml"},
        timeout=TIMEOUT_SECONDS,
    )
    assert registered.json()["id"] in path
    fetch_in_ranges(servers[1], path, tmp_path / "ranges")
    assert sha256(tmp_path / "ranges") == sha256(file)


def test_the_digests_are_those_of_the_file(
    example: tuple[str, Path, str], servers: tuple[str, str]
) -> None:
    """Size, block and file digests are what a client computes from the bytes."""
    _, file, path = example
    url = f"{servers[0]}{path.replace('?', '/digests?')}"
    response = httpx.get(url, timeout=TIMEOUT_SECONDS)
    for _ in range(10_000):
        if response.status_code == httpx.codes.OK:
            break
        assert response.status_code == httpx.codes.ACCEPTED
        response = httpx.get(url, timeout=TIMEOUT_SECONDS)
    digests = response.json()
    assert digests["sha256"] == sha256(file)
    with file.open("rb") as opened:
        blocks = [
            hashlib.sha256(block).hexdigest()
            for block in iter(lambda: opened.read(digests["block_bytes"]), b"")
        ]
    assert digests["blocks"] == blocks


def test_saving_what_was_loaded_gives_the_same_file(
    example: tuple[str, Path, str], tmp_path: Path
) -> None:
    """safetensors.torch.load_file then save_file changes no byte."""
    _, file, _ = example
    # A file holds a tied tensor twice; the library refuses to save shared memory,
    # and loading gives each its own.
    save_file(load_file(file), tmp_path / "saved", metadata={"format": "pt"})
    assert sha256(tmp_path / "saved") == sha256(file)


def test_removing_a_layer_moves_no_other_tensor(
    example: tuple[str, Path, str], servers: tuple[str, str], tmp_path: Path
) -> None:
    """All tensors but those of the removed layer keep their bytes."""
    name, file, _ = example
    document: dict[str, Any] = parse_yaml(spec_of(name))
    document["layers"] = [layer for layer in document["layers"] if layer["name"] != REMOVED[name]]
    fetch(servers[1], json.dumps(document).encode(), tmp_path / "less", "application/json")
    whole, less = load_file(file), load_file(tmp_path / "less")
    gone = set(whole) - set(less)
    assert gone
    assert all(tensor.startswith(REMOVED[name]) for tensor in gone)
    for tensor, values in less.items():
        assert same_bytes(values, whole[tensor]), tensor


def test_bfloat16_is_the_float32_file_rounded(
    example: tuple[str, Path, str], servers: tuple[str, str], tmp_path: Path
) -> None:
    """Every floating tensor equals torch's rounding of the float32 one."""
    _, file, path = example
    with httpx.stream(
        "GET", f"{servers[1]}{path.replace('float32', 'bfloat16')}", timeout=TIMEOUT_SECONDS
    ) as response:
        response.raise_for_status()
        (tmp_path / "bfloat16").write_bytes(response.read())
    rounded = load_file(tmp_path / "bfloat16")
    for tensor, values in load_file(file).items():
        expected = values.to(torch.bfloat16) if values.is_floating_point() else values
        assert rounded[tensor].dtype == expected.dtype, tensor
        assert same_bytes(rounded[tensor], expected), tensor


@pytest.mark.usefixtures("torchvision_operators")
@pytest.mark.parametrize("model", ["resnet50", "resnet50:torchvision", "vit_b16", "gpt2"])
def test_the_example_script_loads_the_real_model_strictly_and_runs_it(
    model: str,
    servers: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``examples/load.py`` ends with finite logits of the real model class."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.delitem(sys.modules, "load", raising=False)
    import load

    assert load.main([model, "--url", servers[0], "--seed", str(SEED)]) == 0
    printed = capsys.readouterr().out
    assert "finite True" in printed
    assert f"{PARAMETERS[model]:,} parameters" in printed
