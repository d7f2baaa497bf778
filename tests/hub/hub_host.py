"""The first host: what repositories are and hold, for those who may know."""

from dataclasses import replace
from urllib.parse import unquote

from tests.hub.file_answers import FileAnswers
from tests.hub.messages import Answer, Request, answer_json
from tests.hub.model_answers import MODEL_ROUTES, ModelAnswers
from tests.hub.options import HubOptions
from tests.hub.refusals import refuse, refuse_token
from tests.hub.registry import Registry
from tests.hub.storage_host import StorageHost

_FILE_ROUTES = ("resolve", "raw")


class HubHost:
    """Answers what a client of the Hub asks."""

    def __init__(
        self, url: str, storage: StorageHost, registry: Registry, options: HubOptions
    ) -> None:
        self._registry = registry
        self._access = registry.access
        self._files = FileAnswers(url, storage, registry, options)
        self._models = ModelAnswers(url, storage.url, registry, options)

    def answer(self, request: Request) -> Answer:
        """Return what the Hub says, with its remarks on how much may be asked."""
        is_api = request.path.startswith("/api/") and "/resolve-cache/" not in request.path
        resource, quota = ("api", 500) if is_api else ("resolvers", 3000)
        answer = self._answer(request)
        limits = {
            "RateLimit": f'"{resource}";r={quota - 1};t=300',
            "RateLimit-Policy": f'"fixed window";"{resource}";q={quota};w=300',
        }
        return replace(answer, headers={**limits, **answer.headers})

    def _answer(self, request: Request) -> Answer:
        if request.token is not None and self._access.user(request.token) is None:
            return refuse_token()
        segments = [unquote(segment) for segment in request.path.split("/")[1:]]
        if segments == ["api", "whoami-v2"]:
            return self._answer_whoami(request)
        if segments[:2] == ["api", "models"]:
            return self._answer_model(request, segments[2:])
        if segments[:3] == ["api", "resolve-cache", "models"]:
            return self._answer_cached(request, segments[3:])
        return self._answer_file(request, segments)

    def _answer_whoami(self, request: Request) -> Answer:
        name = self._access.user(request.token)
        if name is None:
            return refuse(401, "Invalid username or password.")
        token = {"displayName": "test", "role": "read"}
        said = {"type": "user", "id": f"{len(name):024x}", "name": name, "fullname": name}
        auth = {"type": "access_token", "accessToken": token}
        return answer_json({**said, "orgs": [], "auth": auth})

    def _answer_model(self, request: Request, segments: list[str]) -> Answer:
        if not "".join(segments[-1:]):
            segments = segments[:-1]  # a slash at the end means nothing
        has_owner = len(segments) > 1 and segments[1] not in MODEL_ROUTES
        count = 2 if has_owner else 1
        found = self._registry.find(request, "/".join(segments[:count]))
        if isinstance(found, Answer):
            return found
        return self._models.answer(request, found, segments[count:])

    def _answer_cached(self, request: Request, segments: list[str]) -> Answer:
        has_owner = len("".join(segments[1:2])) != 40  # what follows is a commit
        count = 2 if has_owner else 1
        found = self._registry.find(request, "/".join(segments[:count]))
        if isinstance(found, Answer):
            return found
        return self._files.answer_cached(request, found, segments[count:])

    def _answer_file(self, request: Request, segments: list[str]) -> Answer:
        for place in (1, 2):
            if segments[place : place + 1] in [[route] for route in _FILE_ROUTES]:
                found = self._registry.find(request, "/".join(segments[:place]))
                if isinstance(found, Answer):
                    return found
                return self._files.answer(request, found, segments[place:])
        return refuse(404, "Not Found")
