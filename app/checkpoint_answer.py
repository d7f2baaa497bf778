"""Answers with checkpoints: as they are, from a disk; fitted or put together, as weights are."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from app.checkpoint_locations import file_name, location
from app.checkpoint_queries import AskedCheckpoint
from app.conditions import fitted_etag, is_not_modified
from app.file_response import FileResponse
from app.hub_token import HEADER
from app.partial_answer import choose_body, head_headers
from app.weights_answer import kept_for_good, stream_body, whose
from app.wiring import Wiring
from services.checkpoints.catalogue import Chosen
from services.checkpoints.fitted import FittedFile
from services.errors import MissingSeedError
from weightbank.algorithm import VERSION
from weightbank.fitting import Wishes

_MOVING = "no-cache, no-transform"
"""A branch or a tag may lead to another commit the next time; an ETag says whether it did."""

_AS_IT_IS = Wishes()


@dataclass(frozen=True, slots=True)
class CheckpointAnswer:
    """What all answers about one checkpoint have in common.

    Attributes:
        request: To be answered.
        wiring: Of the server.
        asked: What is asked for.
        chosen: What that led to.
        token: Of the caller.
    """

    request: Request
    wiring: Wiring
    asked: AskedCheckpoint
    chosen: Chosen
    token: str | None

    async def respond(self) -> Response:
        """Answer a GET or HEAD.

        Raises:
            WeightbankError: If it cannot be had, or not as it is asked for.
        """
        if self.asked.wishes is None and self.chosen.choice.kind != "sharded":
            return await self._respond_as_it_is()
        return await self._respond_fitted()

    async def _respond_as_it_is(self) -> Response:
        located = self.chosen.files[0]
        store = self.wiring.checkpoints.store
        if self.chosen.choice.kind == "pickle":
            blob = await store.open_tensors(located, token=self.token)
            size_bytes, hash_ = blob.key.size_bytes, blob.key.hash
        else:
            blob = None
            size_bytes, hash_ = located.size_bytes, located.file.hash
        etag = f'"{hash_.partition(":")[2]}"'
        headers = self._headers(etag)
        try:
            early = self._without_body(etag, size_bytes, headers)
            if early is not None:
                return early
            body, status, extra = choose_body(
                self.request, size_bytes=size_bytes, etag=etag, limit=self._most_ranges
            )
            blob = blob or await store.open(located, token=self.token)
            if self.chosen.choice.kind != "document":  # what a pickle became is no better
                await self.wiring.checkpoints.headers.of_blob(blob)
            opened, blob = blob, None  # it is the response's to close from now on
        finally:
            if blob is not None:
                blob.close()
        return FileResponse(
            opened,
            body,
            sender=self.wiring.file_sender,
            status=status,
            headers={**headers, **extra},
            stall_timeout_seconds=self.wiring.settings.stall_timeout_seconds,
        )

    async def _respond_fitted(self) -> Response:
        is_read = self.request.method != "HEAD"
        fitted = await self.wiring.checkpoints.fitting.open(
            self.asked.name,
            self.asked.wishes or _AS_IT_IS,
            seed=self.asked.seed,
            token=self.token,
            chosen=self.chosen,
            is_read=is_read,
        )
        if fitted.is_seeded and self.asked.seed is None:
            accepted = "an integer in [0, 2**64), as in ?seed=42: it decides how the head starts"
            raise MissingSeedError(suggested_seed=None, accepted=accepted)
        etag = fitted_etag(fitted.id, seed=self.asked.seed if fitted.is_seeded else None)
        headers = {**self._headers(etag), "Weightbank-Algorithm": str(VERSION)}
        early = self._without_body(etag, fitted.file.size_bytes, headers)
        return early or await self._stream(fitted, etag, headers)

    async def _stream(self, fitted: FittedFile, etag: str, headers: Mapping[str, str]) -> Response:
        body, status, extra = choose_body(
            self.request,
            size_bytes=fitted.file.size_bytes,
            etag=etag,
            limit=self._most_ranges,
        )
        if status == HTTPStatus.PARTIAL_CONTENT and fitted.reader is not None:
            await fitted.reader.wait_verified()
        headers = {**headers, **extra}
        return await stream_body(fitted.file, body, self.wiring, status=status, headers=headers)

    def _without_body(
        self, etag: str, size_bytes: int, headers: Mapping[str, str]
    ) -> Response | None:
        """Return an answer that needs no bytes, if that is what is asked for."""
        if is_not_modified(self.request, etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        if self.request.method == "HEAD":
            return Response(status_code=200, headers={**headers, **head_headers(size_bytes)})
        return None

    def _headers(self, etag: str) -> dict[str, str]:
        snapshot = self.chosen.snapshot
        return {
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Cache-Control": self._cache_control,
            "Vary": HEADER,
            "Content-Location": location(self.request, self.chosen),
            "Content-Disposition": f'attachment; filename="{file_name(self.chosen)}"',
            "X-Repo-Commit": snapshot.commit,
        }

    @property
    def _cache_control(self) -> str:
        is_restricted = self.chosen.snapshot.is_restricted
        is_pinned = self.asked.name.revision == self.chosen.snapshot.commit
        if is_restricted or is_pinned:
            return kept_for_good(self.request, is_restricted=is_restricted)
        return f"{whose(self.request)}, {_MOVING}"

    @property
    def _most_ranges(self) -> int:
        return self.wiring.settings.limit_ranges
