"""What a page finds: a server of its own, and a Hub on loopback behind it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.page_runner import PageRunner
from tests.examples.conftest import running_server
from tests.hub.checkpoints import transformers_gpt2
from tests.hub.full_size import FullSizeCheckpoints
from tests.hub.server import HubServer

collect_ignore = ["site"]  # what pages' own processes import

RESNET50 = "timm/resnet50.a1_in1k"
GPT2 = "gpt2"

_MY_MODEL = '''\
"""A model of one's own."""

from torch import nn


def build() -> nn.Module:
    """Return it."""
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
'''


@pytest.fixture(scope="session")
def docs_hub(full_size_checkpoints: FullSizeCheckpoints) -> Iterator[HubServer]:
    """A Hub that has the checkpoint of which pages speak."""
    with HubServer() as hub:
        hub.add_repository(RESNET50, full_size_checkpoints.timm_resnet50().files)
        hub.add_repository(GPT2, transformers_gpt2().files)
        yield hub


@pytest.fixture
def runner_of(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], PageRunner]]:
    """Makes the runner of a page."""
    with ExitStack() as stack:

        def make(text: str) -> PageRunner:
            settings = {}
            if "checkpoints" in text or "pretrained" in text:
                settings = _hub_settings(request.getfixturevalue("docs_hub"))
            runner = PageRunner(tmp_path, start_server(settings), settings)
            stack.enter_context(runner)
            runner.write("my_package/models.py", _MY_MODEL)
            return runner

        yield make


def start_server(settings: dict[str, str]) -> Callable[[ExitStack, Path], str]:
    """Return what starts a server with these settings."""

    def start(stack: ExitStack, data_dir: Path) -> str:
        return stack.enter_context(running_server(data_dir, **settings))

    return start


def _hub_settings(hub: HubServer) -> dict[str, str]:
    """Return how a server finds a Hub."""
    return {
        "WEIGHTBANK_HUB_ENDPOINT": hub.url,
        "WEIGHTBANK_HUB_REDIRECT_HOSTS": hub.storage_url,
        "WEIGHTBANK_HUB_OFFLINE": "false",
    }
