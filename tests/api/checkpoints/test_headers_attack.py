"""Headers of answers, whatever a repository calls its files and a caller wishes."""

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.hub.checkpoints import MadeCheckpoint
from tests.hub.server import HubServer


@pytest.mark.parametrize("name", ["模型", "modèle", 'a b#?%25";\\x', "ﬁ", "x" * 200])
@pytest.mark.parametrize("fitting", [{}, {"dtype": "float16"}])
def test_a_file_may_have_any_name(
    client: httpx.Client,
    hub: HubServer,
    tiny: MadeCheckpoint,
    name: str,
    fitting: dict[str, str],
) -> None:
    """Its headers are of ASCII, and its location leads to it."""
    path = f"{name.replace(chr(92), '')}.safetensors"
    hub.add_repository("timm/odd", {path: tiny.files["model.safetensors"]})
    answer = client.get("/v1/checkpoints/timm/odd", params={"file": path, **fitting})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].isascii()
    assert answer.headers["Content-Disposition"].count('"') == 2
    again = client.get(answer.headers["Content-Location"])
    assert (again.headers["ETag"], again.content) == (answer.headers["ETag"], answer.content)


@pytest.mark.usefixtures("content")
@pytest.mark.parametrize("query", ["add_prefix=", "strip_prefix=", "rename=", "clean=false"])
def test_a_location_leads_to_the_very_same_file(client: httpx.Client, query: str) -> None:
    """A wish that changes nothing makes another file of it: one without its metadata."""
    answer = client.get(f"{CHECKPOINT}?{query}")
    again = client.get(answer.headers["Content-Location"])
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert again.content == answer.content
