"""Which spec a path means: by its id, or by a version of a name."""

from dataclasses import dataclass

from starlette.requests import Request

from app.wiring import Wiring
from services.names.errors import InvalidReferenceError
from services.names.syntax import (
    Name,
    Reference,
    is_id,
    parse_name,
    parse_reference,
    parse_version,
)


@dataclass(frozen=True, slots=True)
class SpecInPath:
    """A spec that a path means.

    Attributes:
        id: Of a spec that may not be stored here.
        is_moving: Whether the same path may mean another spec tomorrow.
    """

    id: str
    is_moving: bool


def name_in_path(request: Request) -> Name:
    """Return the name in a path.

    Raises:
        WeightbankError: If nothing can be called this.
    """
    return parse_name(request.path_params["team"], request.path_params["name"])


def reference_in_path(request: Request) -> Reference:
    """Return the version of a name in a path.

    Raises:
        WeightbankError: If nothing can be called this, or it is no version.
    """
    return Reference(name_in_path(request), parse_version(request.path_params["version"]))


async def spec_in_path(request: Request, wiring: Wiring) -> SpecInPath:
    """Return the spec that a path means.

    Raises:
        WeightbankError: If it is by a name that is unknown or retired.
    """
    if "id" in request.path_params:
        return SpecInPath(request.path_params["id"], is_moving=False)
    return await _resolved(reference_in_path(request), wiring)


async def other_spec_in_path(request: Request, wiring: Wiring) -> SpecInPath:
    """Return the spec that a path ends in, to compare another one with.

    Raises:
        WeightbankError: If it is none, or by a name that is unknown or retired.
    """
    text = request.path_params["other"]
    if is_id(text):
        return SpecInPath(text, is_moving=False)
    has_name = "name" in request.path_params
    if has_name and text.startswith("@"):
        return await _resolved(Reference(name_in_path(request), parse_version(text[1:])), wiring)
    if "/" not in text or "@" not in text:
        own = ", or @version of the same name" if has_name else ""
        accepted = f"a spec's id, team/name@version{own}"
        raise InvalidReferenceError("other", text, "names no spec", accepted)
    return await _resolved(parse_reference(text, argument="other"), wiring)


async def _resolved(reference: Reference, wiring: Wiring) -> SpecInPath:
    found = await wiring.names.resolve(reference)
    return SpecInPath(found.spec_id, is_moving=reference.version is None)
