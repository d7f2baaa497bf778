"""Metrics: each of them is in the docs, and what the docs name is there."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tests.api.conftest import running_api, settings_in

DOCS = Path(__file__).parents[2] / "docs"
TABLE = DOCS / "operation.md"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of all metrics of a server, as Prometheus has them."""
    with running_api(settings_in(tmp_path_factory.mktemp("metrics"))) as api:
        return names_of(api.app)


def names_of(app: FastAPI) -> set[str]:
    """Names as they are in queries: a counter's ends in ``_total``."""
    families: Any = app.state.metrics.registry.collect()
    return {family.name + ("_total" if family.type == "counter" else "") for family in families}


def test_every_metric_is_in_the_docs(names: set[str]) -> None:
    """With its whole name, in a row of the table."""
    rows = TABLE.read_text("utf-8").splitlines()
    documented = {
        name for row in rows if row.startswith("| `") for name in re.findall(r"`([a-z_]+)", row)
    }
    missing = names - documented
    assert not missing, f"describe them in docs/operation.md: {sorted(missing)}"


@pytest.mark.parametrize("page", ["operation.md", "observability.md"])
def test_what_the_docs_name_is_there(names: set[str], page: str) -> None:
    """A metric that nobody has would make an alert that never fires."""
    named = set(re.findall(r"\bweightbank_[a-z_]*[a-z]\b", (DOCS / page).read_text("utf-8")))
    unknown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} - names
    assert not unknown, sorted(unknown)
