"""Load models with timm from ``HF_ENDPOINT``, and save them: a program of its own.

timm's endpoint is that of its process's beginning.
"""

import sys
from pathlib import Path

from tests.torchvision_operators import define_missing_operators


def main() -> None:
    """Save each repository's state dict in a folder."""
    folder, *repositories = sys.argv[1:]
    kept = define_missing_operators()
    import timm
    from safetensors.torch import save_file

    for repository in repositories:
        model = timm.create_model(f"hf_hub:{repository}", pretrained=True)
        save_file(model.state_dict(), Path(folder) / f"{repository.replace('/', '--')}.safetensors")
    del kept


if __name__ == "__main__":
    main()
