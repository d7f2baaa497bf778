"""The overlay that docs/kubernetes.md shows: what a team writes itself."""

import shutil
from pathlib import Path

import pytest

from app.settings import PREFIX, Settings
from tests.docs.blocks import read_blocks
from tests.kubernetes.manifests import KUBERNETES, ROOT, Manifest, render_directory
from tests.kubernetes.test_schemas import VERSIONS, WITHOUT_SCHEMA, validate


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, ...]:
    """What it makes, in the place that the page names."""
    page = "docs/kubernetes.md"
    place = "docker/kubernetes/overlays/team/kustomization.yaml"
    assert place in (ROOT / page).read_text("utf-8")
    (block,) = (one for one in read_blocks(page) if "kind: Kustomization" in one.code)
    clone = tmp_path_factory.mktemp("clone")
    shutil.copytree(KUBERNETES, clone / "docker" / "kubernetes")
    overlay = clone / place
    overlay.parent.mkdir()
    overlay.write_text(block.code, "utf-8")
    return render_directory(Path(overlay.parent))


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid(rendered: tuple[Manifest, ...], version: str) -> None:
    """Like those that are shipped."""
    for manifest in rendered:
        if manifest["kind"] not in WITHOUT_SCHEMA:
            validate(manifest, version)


def test_it_puts_its_own_registry_in(rendered: tuple[Manifest, ...]) -> None:
    """The stand-in is gone."""
    (deployment,) = (one for one in rendered if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.mine.example/weightbank:0.1.0"


def test_its_settings_are_added(rendered: tuple[Manifest, ...]) -> None:
    """Beside those of the base, and a server takes them."""
    (settings,) = (one["data"] for one in rendered if one["kind"] == "ConfigMap")
    taken = Settings.model_validate(
        {name.removeprefix(PREFIX).lower(): value for name, value in settings.items()}
    )
    assert (taken.keys, taken.key_bytes_per_day) == ("required", 20 * 2**40)
    assert taken.hub_repositories == "timm/*,facebook/*"
