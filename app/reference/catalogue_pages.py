"""What a spec can say, of the registries of the library: the same as its routes answer."""

from collections.abc import Mapping
from typing import Any

from app.reference.markdown import linked, table, written
from weightbank import initializers, layers, nonlinearities, presets

_MADE = "<!-- Made of the code by `make reference`: change it there. -->\n"


def initializers_page() -> str:
    """Return the page of all initializers."""
    head = (
        "# Initializers\n\n" + _MADE + "\n"
        "What can stand as a rule's second half or as a layer's `init`, as `{type: NAME, ...}` or "
        "just `NAME`. `GET /v1/initializers` answers with the same. [The spec](../spec.md) says "
        "who decides, and [the numbers](../numbers.md) how each is drawn, to the bit.\n"
    )
    return head + "".join(_initializer(entry) for entry in initializers.catalogue())


def layers_page() -> str:
    """Return the page of all types of layers."""
    head = (
        "# Layers\n\n" + _MADE + "\n"
        "What can stand as a layer's `type`. Every layer also has `name`, and may have `init`, "
        "`nonlinearity` and `dtype`: [the spec](../spec.md#layers) explains them. "
        "`GET /v1/layers` answers with the same.\n"
    )
    return head + "".join(_layer(entry) for entry in layers.catalogue())


def nonlinearities_page() -> str:
    """Return the page of all nonlinearities."""
    rows = [
        [
            written(entry["name"]),
            entry["kind"].replace("_", " "),
            f"`{entry['formula']}`",
            _number(entry["second_moment"]),
            _number(entry["slope_at_zero"]),
            _number(entry["gain_second_moment"]),
            _number(entry["gain_torch"]) + (" (differs)" if entry["gains_differ"] else ""),
        ]
        for entry in nonlinearities.catalogue()
    ]
    slope = "φ′(0)"  # noqa: RUF001 - a derivative
    head = ["name", "kind", "φ(z)", "E[φ(z)²]", slope, "1/√E[φ(z)²]", "torch's gain"]
    return (
        "# Nonlinearities\n\n" + _MADE + "\n"
        "What can stand as a layer's `nonlinearity`, and as that of an initializer. z is standard "
        "normal. Where torch's table (`torch.nn.init.calculate_gain`) has no entry the gain is "
        "1/√E[φ(z)²], and `gain_rule: second_moment` takes that one everywhere; leaky_relu's row "
        "is for `a` = 0, and for another slope both gains are √(2/(1 + a²)). "
        "`GET /v1/nonlinearities` answers with the same.\n\n" + table(head, rows)
    )


def presets_page() -> str:
    """Return the page of all presets."""
    head = (
        "# Presets\n\n" + _MADE + "\n"
        "What a parameter gets that neither its layer nor a rule initializes. A released version "
        "never resolves differently: a better choice is a new version. "
        "[Which initialization when](../explanation/which-initialization.md) says why. "
        "`GET /v1/presets` answers with the same.\n"
    )
    return head + "".join(_preset(entry) for entry in presets.catalogue())


def _initializer(entry: Mapping[str, Any]) -> str:
    also = ", ".join(written(name) for name in entry["aliases"])
    return (
        f"\n## `{entry['name']}`\n\n{entry['summary']}"
        + (f" Also written {also}." if also else "")
        + f"\n\n- Formula: `{entry['formula']}`\n- Source: {linked(entry['source'])}\n"
        + _arguments(entry)
    )


def _layer(entry: Mapping[str, Any]) -> str:
    return (
        f"\n## `{entry['name']}`\n\n{entry['summary']}\n\n- Source: {linked(entry['source'])}\n"
        + _arguments(entry)
    )


def _arguments(entry: Mapping[str, Any]) -> str:
    rows = [
        [
            written(argument["name"]),
            argument["kind"],
            "needed" if argument["required"] else written(argument["default"]),
            argument["description"],
        ]
        for argument in entry["arguments"]
    ]
    return "\n" + table(["argument", "is", "default", "what it says"], rows) if rows else ""


def _preset(entry: Mapping[str, Any]) -> str:
    note = " It is what a spec means that names none." if entry["default"] else ""
    rows = [
        [
            row["parameter"].replace("_", " "),
            row["nonlinearity"],
            written(row["initializer"]),
            row["reason"],
            linked(row["source"]),
        ]
        for row in entry["rows"]
    ]
    head = ["parameter", "nonlinearity", "initializer", "reason", "source"]
    return f"\n## `{entry['name']}`\n\n{entry['summary']}{note}\n\n" + table(head, rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
