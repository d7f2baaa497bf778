"""What the Hub says of a file of a repository: itself, or where it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tests.hub.compression import compress
from tests.hub.messages import Answer, Request, answer_content, answer_redirect
from tests.hub.options import HubOptions
from tests.hub.refusals import refuse_entry, refuse_revision
from tests.hub.registry import Registry
from tests.hub.repository import Commit, FakeRepository, TrackedFile
from tests.hub.revisions import split_revision
from tests.hub.storage_host import StorageHost


@dataclass(frozen=True, slots=True)
class FileAnswers:
    """Answers to ``resolve``, ``raw`` and ``resolve-cache``.

    Attributes:
        url: Of this host.
        storage: Where large files are.
        registry: Who may read them.
        options: What is done one way or another.
    """

    url: str
    storage: StorageHost
    registry: Registry
    options: HubOptions

    def answer(
        self, request: Request, repository: FakeRepository, segments: Sequence[str]
    ) -> Answer:
        """Answer ``resolve/REVISION/PATH`` or ``raw/REVISION/PATH``."""
        route, *rest = segments
        found = self._find(request, repository, rest)
        if isinstance(found, Answer):
            return found
        commit, file = found
        if route == "raw":
            return self._send(request, commit, file)
        if file.is_lfs:
            return self._lead_to_storage(repository, commit, file)
        if self.options.resolve_cache:
            return self._lead_to_cache(request, repository, commit, file)
        return self._send(request, commit, file)

    def answer_cached(
        self, request: Request, repository: FakeRepository, segments: Sequence[str]
    ) -> Answer:
        """Answer ``resolve-cache/.../COMMIT/PATH``."""
        found = self._find(request, repository, segments)
        return found if isinstance(found, Answer) else self._send(request, *found)

    def _find(
        self, request: Request, repository: FakeRepository, segments: Sequence[str]
    ) -> tuple[Commit, TrackedFile] | Answer:
        refusal = self.registry.refuse_gated(request, repository)
        if refusal is not None:
            return refusal
        revision, path = split_revision(segments)
        commit = repository.find(revision)
        if commit is None:
            return refuse_revision(revision)
        file = commit.files.get(path)
        return refuse_entry(commit.id) if file is None else (commit, file)

    def _send(self, request: Request, commit: Commit, file: TrackedFile) -> Answer:
        etag = f'"{file.in_git.git_sha1}"'
        headers = {"X-Repo-Commit": commit.id, "ETag": etag}
        if etag in request.headers.get("if-none-match", ""):
            return Answer(304, headers)
        answer = answer_content(request, file.in_git, headers)
        return compress(answer, request, file) if self.options.compresses else answer

    def _lead_to_cache(
        self, request: Request, repository: FakeRepository, commit: Commit, file: TrackedFile
    ) -> Answer:
        path = quote(f"/api/resolve-cache/models/{repository.name}/{commit.id}/{file.path}")
        query = f"{quote(request.path, safe='')}=&etag=%22{file.etag}%22"
        return answer_redirect(307, f"{path}?{query}", self._linked(commit, file))

    def _lead_to_storage(
        self, repository: FakeRepository, commit: Commit, file: TrackedFile
    ) -> Answer:
        headers = self._linked(commit, file)
        if self.options.xet:
            route = f"/api/models/{repository.name}/xet-read-token/{commit.id}"
            headers["X-Xet-Hash"] = file.xet_hash
            headers["X-Xet-Refresh-Route"] = route
            headers["Link"] = f'<{self.url}{route}>; rel="xet-auth"'
        return answer_redirect(302, self.storage.sign(repository.name, file), headers)

    def _linked(self, commit: Commit, file: TrackedFile) -> dict[str, str]:
        return {
            "X-Repo-Commit": commit.id,
            "X-Linked-Etag": f'"{file.etag}"',
            "X-Linked-Size": str(file.content.size_bytes),
            "Accept-Ranges": "bytes",
        }
