"""Headers of answers, whatever a repository calls its files and a caller wishes."""

import httpx
import pytest

from tests.api.checkpoints.conftest import CHECKPOINT
from tests.hub.checkpoints import MadeCheckpoint
from tests.hub.server import HubServer

NAMES = ["模型", "modèle", 'a b#?%25";', "ﬁ", "x" * 200]


def test_a_file_may_have_any_name(
    client: httpx.Client, hub: HubServer, tiny: MadeCheckpoint
) -> None:
    """Its headers are of ASCII, and its location leads to it."""
    content = tiny.files["model.safetensors"]
    paths = [f"{name}.safetensors" for name in NAMES]
    hub.add_repository("timm/odd", dict.fromkeys(paths, content), lfs=())
    for path in paths:
        for fitting in ({}, {"dtype": "float16"}):
            answer = client.get("/v1/checkpoints/timm/odd", params={"file": path, **fitting})
            assert answer.status_code == 200, (path, answer.text)
            disposition = answer.headers["Content-Disposition"]
            assert (disposition.isascii(), disposition.count('"')) == (True, 2)
            again = client.get(answer.headers["Content-Location"])
            assert (again.headers["ETag"], again.content) == (
                answer.headers["ETag"],
                answer.content,
            )


@pytest.mark.usefixtures("content")
def test_a_location_leads_to_the_very_same_file(client: httpx.Client) -> None:
    """A wish that changes nothing makes another file of it: one without its metadata."""
    for query in ("add_prefix=", "strip_prefix=", "rename=", "clean=false"):
        answer = client.get(f"{CHECKPOINT}?{query}")
        again = client.get(answer.headers["Content-Location"])
        assert again.headers["ETag"] == answer.headers["ETag"]
        assert again.content == answer.content
