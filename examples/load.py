"""Fetch the weights of an example from a server, load them strictly, run a forward pass.

    python examples/load.py resnet50
    python examples/load.py gpt2 --seed 7 --url http://127.0.0.1:8000

The model is built on the meta device, where it takes no memory and no time, and
every one of its tensors comes from the file.
"""

import argparse
import hashlib
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import torch
from models import EXAMPLES
from safetensors.torch import load_file

_CHUNK_BYTES = 2**20
_TIMEOUT_SECONDS = 300


def fetch(url: str, spec: Path, seed: int, target: Path) -> str:
    """Post a spec, write the weights to a file, and return their SHA-256.

    Args:
        url: Of the server.
        spec: A YAML file.
        seed: In [0, 2**64).
        target: Where the safetensors file goes.
    """
    request = urllib.request.Request(  # noqa: S310 - the URL is the user's own
        f"{url}/v1/weights?seed={seed}",
        data=spec.read_bytes(),
        headers={"Content-Type": "application/yaml"},
    )
    digest = hashlib.sha256()
    with (
        urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response,  # noqa: S310
        target.open("wb") as file,
    ):
        print(f"{url}{response.headers['Content-Location']}")
        while chunk := response.read(_CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def load(name: str, weights: Path) -> torch.nn.Module:
    """Build an example's model on the meta device and load a file into it, strictly."""
    with torch.device("meta"):
        model = EXAMPLES[name].build()
    model.load_state_dict(load_file(weights), strict=True, assign=True)
    if hasattr(model, "tie_weights"):
        # Assigning gives each name a tensor of its own: equal, but no longer one.
        model.tie_weights()
    return model.eval()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(EXAMPLES))
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args(arguments)
    spec = Path(__file__).with_name(options.name.partition(":")[0] + ".yaml")
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "model.safetensors"
        try:
            print("sha256", fetch(options.url, spec, options.seed, weights))
        except urllib.error.HTTPError as error:
            print(f"{options.url} refuses: {error.read().decode()}", file=sys.stderr)
            return 1
        except urllib.error.URLError as error:
            print(f"{options.url} cannot be asked: {error.reason}", file=sys.stderr)
            return 1
        model = load(options.name, weights)
        with torch.no_grad():
            output = model(EXAMPLES[options.name].inputs())
    logits = output if isinstance(output, torch.Tensor) else output.logits
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    print(f"logits {tuple(logits.shape)}, std {logits.std():.4f}, finite {logits.isfinite().all()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
