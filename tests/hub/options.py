"""What a Hub does one way or another."""

from dataclasses import dataclass


@dataclass(slots=True)
class HubOptions:
    """May be changed between requests.

    Attributes:
        xet: Whether large files are offered through Xet too. Nobody serves Xet here:
            clients must be told to do without it.
        resolve_cache: Whether small files are behind a redirect to
            ``/api/resolve-cache/...`` on the same host, as they are on the Hub of
            today. It makes two requests of one, so that those who count leave it off.
        compresses: Whether small texts are sent with gzip, without their length, to
            whoever accepts that, as on the Hub.
        page_entries: Most entries of a page of a tree.
    """

    xet: bool = False
    resolve_cache: bool = False
    compresses: bool = True
    page_entries: int = 1000
