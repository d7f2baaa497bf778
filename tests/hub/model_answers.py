"""What the Hub says under ``/api/models``: of a repository, not its files' content."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from tests.hub.listings import describe_model, list_paths, list_references, list_tree
from tests.hub.messages import Answer, Request, answer_json
from tests.hub.options import HubOptions
from tests.hub.refusals import refuse, refuse_entry, refuse_revision
from tests.hub.registry import Registry
from tests.hub.repository import Commit, FakeRepository
from tests.hub.revisions import split_revision

MODEL_ROUTES = ("revision", "tree", "paths-info", "refs", "auth-check", "xet-read-token")
"""What may follow a repository's name."""

_XET_TOKEN_ENDS = 4102444800  # in 2100


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """Answers about repositories. What is gated may be seen here by all.

    Attributes:
        url: Of this host.
        storage_url: Where Xet is said to be.
        registry: Who may read what.
        options: What is done one way or another.
    """

    url: str
    storage_url: str
    registry: Registry
    options: HubOptions

    def answer(
        self, request: Request, repository: FakeRepository, segments: Sequence[str]
    ) -> Answer:
        """Answer what follows a repository's name in a path."""
        route = "".join(segments[:1])
        if route == "refs":
            asked = request.flag("include_prs")
            return answer_json(list_references(repository, with_pull_requests=asked))
        if route == "auth-check":
            return self.registry.refuse_gated(request, repository) or answer_json({})
        revision, path = split_revision(segments[1:]) if route else ("main", "")
        commit = repository.find(revision)
        if commit is None:
            return refuse_revision(revision)
        return self._answer_commit(request, repository, commit, route, path)

    def _answer_commit(
        self, request: Request, repository: FakeRepository, commit: Commit, route: str, path: str
    ) -> Answer:
        if route in ("", "revision"):
            with_blobs = request.flag("blobs")
            return answer_json(describe_model(repository, commit, with_blobs=with_blobs))
        if route == "tree":
            return self._answer_tree(request, commit, path)
        if route == "paths-info" and request.method == "POST":
            paths = _asked_paths(request)
            return answer_json(list_paths(commit.files, paths, with_xet=self.options.xet))
        if route == "xet-read-token" and self.options.xet:
            return self.registry.refuse_gated(request, repository) or self._answer_xet_token()
        return refuse(404, "Not Found")

    def _answer_tree(self, request: Request, commit: Commit, folder: str) -> Answer:
        asked = request.flag("recursive")
        entries = list_tree(commit.files, folder, is_recursive=asked, with_xet=self.options.xet)
        if folder and not entries:
            return refuse_entry(commit.id)
        most = min(int(request.parameter("limit") or 1000), self.options.page_entries)
        start = int(request.parameter("cursor") or 0)
        stop = start + most
        headers = {"X-Repo-Commit": commit.id}
        if stop < len(entries):
            query = urlencode(parse_qs(request.query) | {"cursor": [str(stop)]}, doseq=True)
            headers["Link"] = f'<{self.url}{request.path}?{query}>; rel="next"'
        return answer_json(entries[start:stop], headers=headers)

    def _answer_xet_token(self) -> Answer:
        said = {"casUrl": self.storage_url, "accessToken": "xet", "exp": _XET_TOKEN_ENDS}
        headers = {
            "X-Xet-Cas-Url": self.storage_url,
            "X-Xet-Access-Token": "xet",
            "X-Xet-Token-Expiration": str(_XET_TOKEN_ENDS),
        }
        return answer_json(said, headers=headers)


def _asked_paths(request: Request) -> list[str]:
    text = request.body.decode()
    if request.headers.get("content-type", "").startswith("application/json"):
        paths: list[str] = json.loads(text)["paths"]
        return paths
    return parse_qs(text).get("paths", [])
