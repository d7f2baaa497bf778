"""Small texts with gzip, as the Hub sends them to whoever accepts that."""

import gzip
from dataclasses import replace

from tests.hub.messages import Answer, Request, send_whole
from tests.hub.repository import TrackedFile

_TEXTS = (".json", ".md", ".txt", ".py")
_LEAST_BYTES = 1000


def compress(answer: Answer, request: Request, file: TrackedFile) -> Answer:
    """Return an answer without a length, and with the whole file whatever was asked for.

    It stays as it is for a client that does not accept gzip, for what is no text, and
    for very short ones.
    """
    is_accepted = "gzip" in request.headers.get("accept-encoding", "")
    is_text = file.path.endswith(_TEXTS) and file.in_git.size_bytes >= _LEAST_BYTES
    if not (is_accepted and is_text):
        return answer
    dropped = {"Content-Length", "Content-Range", "Accept-Ranges"}
    headers = {name: value for name, value in answer.headers.items() if name not in dropped}
    headers |= {
        "Content-Encoding": "gzip",
        "Transfer-Encoding": "chunked",
        "ETag": f"W/{answer.headers['ETag']}",
        "Vary": "Accept-Encoding",
    }
    body = gzip.compress(file.in_git.read(), mtime=0)
    return replace(answer, status=200, headers=headers, pieces=lambda: send_whole(body), offset=0)
