"""How Sphinx makes pages of docs/: ``make docs``."""

from importlib.metadata import version as installed_version
from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

REPOSITORY = "https://github.com/weightbank/weightbank/blob/main"
DOCS = Path(__file__).parent

project = "Weightbank"
author = "the Weightbank maintainers"
release = installed_version("weightbank")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
language = "en_GB"
nitpicky = True
nitpick_ignore_regex = [
    # Types of other projects, whose indices would have to be fetched.
    ("py:.*", r"(numpy|torch|collections|typing|pathlib|fractions|np|nn)\..*"),
    # What the library has and does not publish: the errors of its docstrings, inner types.
    ("py:exc", r"\w+Error"),
    ("py:class", r"weightbank\.\w+\..*"),
    ("py:class", r"The file's first bytes"),
    ("py:class", r"(Any|Path|Fraction|Sequence|Mapping|Iterator|Callable|memoryview|optional)"),
]

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = "Weightbank"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path: list[str] = []
html_theme_options = {"navigation_with_keys": True}


class LinksIntoTheRepository(SphinxTransform):
    """Lets links to files that are no pages lead to the repository.

    A page is read there as well as in HTML, so it links to code by a relative path.
    """

    default_priority = 5

    def apply(self) -> None:
        """Replace such links of one page."""
        found = [
            *self.document.findall(addnodes.download_reference),
            *self.document.findall(addnodes.pending_xref),
        ]
        for node in found:
            uri = self._uri(node)
            if uri is not None:
                link = nodes.reference("", "", *node.children, refuri=uri, internal=False)
                node.replace_self(link)

    def _uri(self, node: nodes.Element) -> str | None:
        """Return where a link leads to in the repository, or None if it leads to a page."""
        if node.get("reftype") != "myst":
            return None
        path = str(node["reftarget"]).partition("#")[0]
        if node.get("refdomain") == "doc":
            path += ".md"  # of what is no page, MyST gives the whole path
            if path.startswith("/"):
                return self._in_repository(Path(path))
            return None
        target = (DOCS / PurePosixPath(self.env.docname).parent / path).resolve()
        return self._in_repository(target) if path and target.exists() else None

    @staticmethod
    def _in_repository(path: Path) -> str:
        return f"{REPOSITORY}/{path.relative_to(DOCS.parent).as_posix()}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Add what is particular to these pages."""
    app.add_transform(LinksIntoTheRepository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
