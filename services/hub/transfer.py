"""Bytes of files, through whatever redirects the Hub gives, and checked at each."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx2
from huggingface_hub import hf_hub_url, hf_raise_for_status
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # it documents it

from services.blobs.blob import TransferBrokenError
from services.hub.errors import (
    RedirectRefusedError,
    UpstreamBusyError,
    UpstreamError,
    UpstreamUnavailableError,
)
from services.hub.failures import FAILURES, Subject, failure_of, retry_after_seconds
from services.hub.hosts import Hosts
from services.hub.located import LocatedFile
from services.hub.observer import HubObserver
from services.hub.session import Timeouts, bound_answer
from weightbank.errors import NO_VALUE, WeightbankError
from weightbank.stored import StoredFile

_REDIRECTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(?:\d{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class Transfers:
    """Begins transfers of files. Thread-safe.

    Attributes:
        client: That follows no redirects.
        endpoint: Address of the Hub, without a slash at its end.
        hosts: Where requests may go.
        timeouts: Of answers that are not the file.
        observer: Hears of each transfer.
    """

    client: httpx2.Client
    endpoint: str
    hosts: Hosts
    timeouts: Timeouts
    observer: HubObserver

    @contextmanager
    def open(
        self, located: LocatedFile, start: int, stop: int | None, *, token: str | None
    ) -> Iterator[Iterator[bytes]]:
        """Begin a transfer of bytes ``start`` to ``stop``, or to the end.

        An upstream that ignores ranges sends all: what was not asked for at the
        beginning is skipped here, at its end by whoever reads.

        Raises:
            TransferBrokenError: On opening or within: worth another attempt.
            WeightbankError: What no attempt will mend.
        """
        assert start >= 0, "offsets count from the beginning"
        if start >= (located.size_bytes if stop is None else min(stop, located.size_bytes)):
            yield iter(())
            return
        began = time.monotonic()
        try:
            response, skipped_bytes = self._begin(located, start, stop, token)
        except TransferBrokenError:
            self.observer.asked("transfer", time.monotonic() - began, "broken")
            raise
        except WeightbankError as error:
            self.observer.asked("transfer", time.monotonic() - began, error.code)
            raise
        self.observer.asked("transfer", time.monotonic() - began, None)
        try:
            yield _pieces(response, skipped_bytes)
        finally:
            response.close()

    def _begin(
        self, located: LocatedFile, start: int, stop: int | None, token: str | None
    ) -> tuple[httpx2.Response, int]:
        """Return an answer with the bytes, and how many of its first are not wanted."""
        file = located.file
        subject = Subject(file.repository, file.commit, file.path)
        try:
            response, is_home = self._follow(file, _headers(start, stop), token)
        except FAILURES as error:
            failure = failure_of(error, subject)
        else:
            return self._accept(response, start, subject, is_home=is_home)
        raise _broken_if_temporary(failure, None)

    def _follow(
        self, file: StoredFile, headers: dict[str, str], token: str | None
    ) -> tuple[httpx2.Response, bool]:
        """Ask until the answer is no redirect; return it, and whether it is the Hub's own."""
        url = httpx2.URL(
            hf_hub_url(file.repository, file.path, revision=file.commit, endpoint=self.endpoint)
        )
        public = {**build_hf_headers(token=False, library_name="weightbank"), **headers}
        is_home = True
        for _ in range(_REDIRECTS + 1):
            self.hosts.check(url)
            # Once it has left the Hub, no host may have our token sent to a place it chose.
            is_home = is_home and self.hosts.is_endpoint(url)
            secret = build_hf_headers(token=token) if token is not None and is_home else {}
            request = self.client.build_request("GET", url, headers={**secret, **public})
            response = self.client.send(request, stream=True)
            if not response.has_redirect_location:
                return response, is_home
            self._finish(response)
            url = _target(url, response.headers["Location"])
        raise UpstreamError(
            f"{file.repository}/{file.path}",
            NO_VALUE,
            "cannot be had: the Hub leads to ever other places",
            f"at most {_REDIRECTS} redirects",
        )

    def _finish(self, response: httpx2.Response) -> None:
        """Close an answer so that its connection can be used again, if that is little work."""
        length = response.headers.get("Content-Length", "")
        try:
            if re.fullmatch(r"[0-9]{1,5}", length):
                bound_answer(response, time.monotonic() + self.timeouts.answer_seconds)
                response.read()
        finally:
            response.close()

    def _accept(
        self, response: httpx2.Response, start: int, subject: Subject, *, is_home: bool
    ) -> tuple[httpx2.Response, int]:
        """Return an answer that has the bytes, or close it and say what it is instead."""
        try:
            return response, _skipped_bytes(response, start, subject)
        except _NotTheFileError:
            failure = self._refusal(response, subject, is_home=is_home)
        except BaseException:
            response.close()
            raise
        raise failure

    def _refusal(self, response: httpx2.Response, subject: Subject, *, is_home: bool) -> Exception:
        """Return what an answer means that is not the file, and close it."""
        status, seconds = response.status_code, retry_after_seconds(response)
        if not is_home and status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            # A signature that ran out, most likely: the Hub gives another one.
            response.close()
            return TransferBrokenError(
                f"the storage answered with status {status}", retry_after_seconds=seconds
            )
        bound_answer(response, time.monotonic() + self.timeouts.answer_seconds)
        try:
            hf_raise_for_status(response)
        except FAILURES as error:
            return _broken_if_temporary(failure_of(error, subject), seconds)
        finally:
            response.close()
        return UpstreamError(
            str(subject), NO_VALUE, f"cannot be had: the Hub's answer has the status {status}"
        )


@dataclass(frozen=True, slots=True)
class TransferOrigin:
    """Where the bytes of one file come from, for one caller: a blob's ``Origin``."""

    transfers: Transfers = field(repr=False)
    located: LocatedFile
    token: str | None = field(repr=False)

    @contextmanager
    def open(self, offset: int) -> Iterator[Iterator[bytes]]:
        """Begin a transfer from an offset on, as ``Origin.open`` does."""
        with self.transfers.open(self.located, offset, None, token=self.token) as pieces:
            yield pieces


class _NotTheFileError(Exception):
    """An answer is not what was asked for."""


def _headers(start: int, stop: int | None) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}
    if start or stop is not None:
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    return headers


def _target(url: httpx2.URL, location: str) -> httpx2.URL:
    try:
        return url.join(location)
    except httpx2.InvalidURL:
        pass
    raise RedirectRefusedError(
        "redirect of the Hub", NO_VALUE, "leads nowhere", "an address with http or https"
    )


def _skipped_bytes(response: httpx2.Response, start: int, subject: Subject) -> int:
    """Return how many bytes of an answer come before those that were asked for."""
    status = response.status_code
    if status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        raise _NotTheFileError
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UpstreamError(
            str(subject), NO_VALUE, "cannot be had: it was sent in another encoding than asked for"
        )
    if status == HTTPStatus.OK:
        return start
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != start:
        raise TransferBrokenError("another range was sent than asked for")
    return 0


def _pieces(response: httpx2.Response, skipped_bytes: int) -> Iterator[bytes]:
    """Yield what comes, 64 KiB at most at a time, which is what httpx2 reads."""
    try:
        for piece in response.iter_raw():
            wanted = piece[skipped_bytes:]
            skipped_bytes -= len(piece) - len(wanted)
            if wanted:
                yield wanted
    except (httpx2.HTTPError, httpx2.StreamError, OSError):
        pass  # its words hold an address
    else:
        return
    raise TransferBrokenError("the transfer broke off")


def _broken_if_temporary(failure: WeightbankError, retry_seconds: int | None) -> Exception:
    """Return what another attempt may mend as a broken transfer, and others as they are."""
    if isinstance(failure, UpstreamUnavailableError | UpstreamBusyError):
        return TransferBrokenError("the Hub did not answer", retry_after_seconds=retry_seconds)
    return failure
