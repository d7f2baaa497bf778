"""Load models with transformers from ``HF_ENDPOINT``, and save them: a program of its own.

The library's endpoint is that of its process's beginning.
"""

import sys
from pathlib import Path
from typing import Any

from tests.torchvision_operators import define_missing_operators


def main() -> None:
    """Save each repository's model in a folder, if each of its tensors was found."""
    folder, *repositories = sys.argv[1:]
    kept = define_missing_operators()
    from transformers import AutoModelForCausalLM, AutoModelForImageClassification

    for repository in repositories:
        kind: Any = (
            AutoModelForCausalLM if "gpt2" in repository else AutoModelForImageClassification
        )
        model, found = kind.from_pretrained(repository, output_loading_info=True)
        assert not any(found[key] for key in ("missing_keys", "mismatched_keys")), found
        model.save_pretrained(Path(folder) / repository.replace("/", "--"))
    del kept


if __name__ == "__main__":
    main()
