"""All pages that are made of the code."""

from app.reference.catalogue_pages import (
    initializers_page,
    layers_page,
    nonlinearities_page,
    presets_page,
)
from app.reference.http_page import http_page


def all_pages() -> dict[str, str]:
    """Return the pages by the names of their files.

    Examples:
        >>> sorted(all_pages())
        ['http.md', 'initializers.md', 'layers.md', 'nonlinearities.md', 'presets.md']
    """
    return {
        "http.md": http_page(),
        "initializers.md": initializers_page(),
        "layers.md": layers_page(),
        "nonlinearities.md": nonlinearities_page(),
        "presets.md": presets_page(),
    }
