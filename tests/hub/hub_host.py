"""The first host: what repositories are and hold, for those who may know."""

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlencode

from tests.hub.access import Access
from tests.hub.listings import describe_model, list_paths, list_references, list_tree
from tests.hub.messages import (
    Answer,
    Request,
    answer_content,
    answer_json,
    answer_redirect,
)
from tests.hub.refusals import (
    refuse,
    refuse_entry,
    refuse_gated,
    refuse_repository,
    refuse_revision,
    refuse_token,
)
from tests.hub.repository import Commit, FakeRepository, TrackedFile
from tests.hub.storage_host import StorageHost

_FILE_ROUTES = ("resolve", "raw")
_API_ROUTES = ("revision", "tree", "paths-info", "refs", "auth-check", "xet-read-token")


@dataclass(slots=True)
class HubHost:
    """Answers what a client of the Hub asks.

    Attributes:
        storage: Where large files are.
        access: Who may read what.
        url: Its address.
        has_xet: Whether large files are offered through Xet too.
        page_entries: Most entries of a page of a tree.
    """

    storage: StorageHost
    access: Access
    url: str = ""
    has_xet: bool = False
    page_entries: int = 1000
    _repositories: dict[str, FakeRepository] = field(default_factory=dict)
    _renamed: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, repository: FakeRepository) -> None:
        """Serve a repository."""
        with self._lock:
            assert repository.name not in self._repositories, f"{repository.name} is there"
            self._repositories[repository.name] = repository
            self._renamed.pop(repository.name, None)

    def get(self, name: str) -> FakeRepository:
        """Return a repository that is there, by its name of today."""
        return self._repositories[name]

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name, to which the old one leads from now on."""
        with self._lock:
            repository = self._repositories.pop(old)
            repository.name = new
            self._repositories[new] = repository
            self._renamed = {
                name: new if target == old else target for name, target in self._renamed.items()
            }
            self._renamed[old] = new

    def delete(self, name: str) -> None:
        """Serve a repository no more."""
        with self._lock:
            del self._repositories[name]

    def answer(self, request: Request) -> Answer:
        """Return what the Hub says."""
        if request.token is not None and self.access.user(request.token) is None:
            return refuse_token()
        segments = [unquote(segment) for segment in request.path.split("/")[1:]]
        if segments[:2] == ["api", "models"]:
            return self._answer_api(request, segments[2:])
        if segments == ["api", "whoami-v2"]:
            return self._answer_whoami(request)
        route = next(
            (place for place in (1, 2) if segments[place:] and segments[place] in _FILE_ROUTES),
            None,
        )
        if route is None:
            return refuse(404, "Not Found")
        return self._with_repository(
            request,
            "/".join(segments[:route]),
            lambda found: self._answer_file(request, found, segments[route], segments[route + 1 :]),
        )

    def _answer_whoami(self, request: Request) -> Answer:
        name = self.access.user(request.token)
        if name is None:
            return refuse(401, "Invalid username or password.")
        token = {"displayName": "test", "role": "read"}
        return answer_json(
            {
                "type": "user",
                "id": f"{len(name):024x}",
                "name": name,
                "fullname": name,
                "orgs": [],
                "auth": {"type": "access_token", "accessToken": token},
            }
        )

    def _answer_api(self, request: Request, segments: list[str]) -> Answer:
        if segments and not segments[-1]:
            segments = segments[:-1]
        owned = len(segments) < 2 or segments[1] not in _API_ROUTES
        count = 2 if owned else 1
        name, route, rest = (
            "/".join(segments[:count]),
            segments[count : count + 1],
            segments[count + 1 :],
        )
        return self._with_repository(
            request,
            name,
            lambda found: self._answer_model(request, found, route[0] if route else "", rest),
        )

    def _with_repository(
        self, request: Request, name: str, answer: Callable[[FakeRepository], Answer]
    ) -> Answer:
        target = self._renamed.get(name)
        repository = self._repositories.get(name if target is None else target)
        if repository is None or (
            repository.private and not self.access.is_granted(request.token, repository)
        ):
            return refuse_repository(is_anonymous=request.token is None)
        if target is not None:
            location = request.target.replace(f"/{name}", f"/{target}", 1)
            return answer_redirect(307, location)
        return answer(repository)

    def _refuse_gated(self, request: Request, repository: FakeRepository) -> Answer | None:
        if not repository.gated or self.access.is_granted(request.token, repository):
            return None
        return refuse_gated(repository.name, is_anonymous=request.token is None)

    def _answer_model(
        self, request: Request, repository: FakeRepository, route: str, rest: list[str]
    ) -> Answer:
        if route == "refs":
            with_pull_requests = request.flag("include_prs")
            return answer_json(list_references(repository, with_pull_requests=with_pull_requests))
        if route == "auth-check":
            return self._refuse_gated(request, repository) or answer_json({})
        revision, path = _split_revision(rest) if route else ("main", "")
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
            return answer_json(list_paths(commit.files, paths, with_xet=self.has_xet))
        if route == "xet-read-token" and self.has_xet:
            return self._refuse_gated(request, repository) or self._answer_xet_token()
        return refuse(404, "Not Found")

    def _answer_xet_token(self) -> Answer:
        said = {"casUrl": self.storage.url, "accessToken": "xet_token", "exp": 4102444800}
        headers = {
            "X-Xet-Cas-Url": self.storage.url,
            "X-Xet-Access-Token": "xet_token",
            "X-Xet-Token-Expiration": "4102444800",
        }
        return answer_json(said, headers=headers)

    def _answer_tree(self, request: Request, commit: Commit, folder: str) -> Answer:
        is_recursive = request.flag("recursive")
        entries = list_tree(commit.files, folder, is_recursive=is_recursive, with_xet=self.has_xet)
        if folder and not entries:
            return refuse_entry(commit.id)
        start = int(request.parameter("cursor") or 0)
        stop = start + min(int(request.parameter("limit") or 1000), self.page_entries)
        headers = {"X-Repo-Commit": commit.id}
        if stop < len(entries):
            query = parse_qs(request.query) | {"cursor": [str(stop)]}
            following = f"{self.url}{request.path}?{urlencode(query, doseq=True)}"
            headers["Link"] = f'<{following}>; rel="next"'
        return answer_json(entries[start:stop], headers=headers)

    def _answer_file(
        self, request: Request, repository: FakeRepository, route: str, rest: list[str]
    ) -> Answer:
        refusal = self._refuse_gated(request, repository)
        if refusal is not None:
            return refusal
        revision, path = _split_revision(rest)
        commit = repository.find(revision)
        if commit is None:
            return refuse_revision(revision)
        file = commit.files.get(path)
        if file is None:
            return refuse_entry(commit.id)
        headers = {"X-Repo-Commit": commit.id}
        if route == "raw" or not file.is_lfs:
            headers["ETag"] = f'"{file.in_git.git_sha1}"'
            return answer_content(request, file.in_git, headers)
        return self._answer_large(repository, commit, file, headers)

    def _answer_large(
        self,
        repository: FakeRepository,
        commit: Commit,
        file: TrackedFile,
        headers: dict[str, str],
    ) -> Answer:
        headers["X-Linked-Etag"] = f'"{file.etag}"'
        headers["X-Linked-Size"] = str(file.content.size_bytes)
        headers["Accept-Ranges"] = "bytes"
        if self.has_xet:
            route = f"/api/models/{repository.name}/xet-read-token/{commit.id}"
            headers["X-Xet-Hash"] = file.xet_hash
            headers["X-Xet-Refresh-Route"] = route
            headers["Link"] = f'<{self.url}{route}>; rel="xet-auth"'
        return answer_redirect(302, self.storage.sign(repository.name, file), headers)


def _split_revision(segments: Sequence[str]) -> tuple[str, str]:
    """Return a revision and a path; ``refs/pr/1`` may be one segment or three."""
    if re.fullmatch(r"refs/(pr|convert)/[^/]+", "/".join(segments[:3])):
        return "/".join(segments[:3]), "/".join(segments[3:])
    return segments[0] if segments else "", "/".join(segments[1:])


def _asked_paths(request: Request) -> list[str]:
    text = request.body.decode()
    if request.headers.get("content-type", "").startswith("application/json"):
        paths: list[str] = json.loads(text)["paths"]
        return paths
    return parse_qs(text).get("paths", [])
