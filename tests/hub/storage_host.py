"""The second host: large files under signed links that end, as a CDN serves them."""

import hashlib
import hmac
import threading
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from tests.hub.content import FileContent
from tests.hub.messages import Answer, Request, answer_bytes, answer_content
from tests.hub.repository import TrackedFile

_KEY = b"the key of a fake storage"


@dataclass(slots=True)
class StorageHost:
    """Files by hash, for whoever has a link. It knows no tokens.

    Attributes:
        url: Its address.
    """

    url: str
    _contents: dict[str, FileContent] = field(default_factory=dict)
    _generation: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sign(self, repository: str, file: TrackedFile) -> str:
        """Return a link to a file, good until ``expire_links``."""
        path = quote(f"/{repository}/{file.content.sha256}/{file.path}")
        with self._lock:
            self._contents[file.content.sha256] = file.content
            generation = self._generation
        name = file.path.rpartition("/")[2]
        query = {
            "response-content-disposition": f'inline; filename="{name}";',
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Expires": "3600",
            "X-Amz-Signature": _signature(path, generation),
        }
        return f"{self.url}{path}?{urlencode(query)}"

    def expire_links(self) -> None:
        """Let no link that was given out be good any more."""
        with self._lock:
            self._generation += 1

    def answer(self, request: Request) -> Answer:
        """Return a file, or no more than that the link is no good."""
        signature = request.parameter("X-Amz-Signature") or ""
        expected = _signature(request.path, self._generation)
        content = self._find(request.path)
        if request.method == "POST" or content is None or signature != expected:
            return answer_bytes(
                403, b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml"
            )
        # A CDN's ETag is its own: neither SHA-256 nor git's SHA-1 of the content.
        etag = hashlib.md5(content.sha256.encode(), usedforsecurity=False).hexdigest()
        headers = {"ETag": f'"{etag}-2"', "Cache-Control": "public, max-age=31536000"}
        disposition = request.parameter("response-content-disposition")
        if disposition is not None:
            headers["Content-Disposition"] = disposition
        return answer_content(request, content, headers)

    def _find(self, path: str) -> FileContent | None:
        found = (self._contents.get(segment) for segment in path.split("/"))
        return next((content for content in found if content is not None), None)


def _signature(path: str, generation: int) -> str:
    return hmac.new(_KEY, f"{generation} {path}".encode(), "sha256").hexdigest()
