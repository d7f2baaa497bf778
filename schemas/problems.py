"""The one shape of every error."""

from pydantic import Field

from schemas.base import WireModel
from schemas.operation import CheckOut

TYPE_PREFIX = "urn:weightbank:problem:"
"""What precedes the code in a problem's type."""


class Problem(WireModel):
    """An error (RFC 9457). Programs look at ``code``; people read ``detail``."""

    type: str = Field(
        description="`urn:weightbank:problem:` and the code.",
        examples=["urn:weightbank:problem:invalid_seed"],
    )
    title: str = Field(description="The kind of mistake, in words.", examples=["Invalid seed"])
    status: int = Field(description="That of the response.", examples=[422])
    detail: str = Field(
        description="What was wrong and what is accepted.",
        examples=["seed -1 is out of range; accepted: an integer in [0, 2**64)"],
    )
    instance: str = Field(description="Path of the request.", examples=["/v1/weights"])
    code: str = Field(description="Stable name of the kind of mistake.", examples=["invalid_seed"])
    argument: str | None = Field(
        default=None,
        description="What was wrong: a query parameter, a header, a path into the spec, "
        "or a tensor's name.",
        examples=["seed"],
    )
    value: str | None = Field(
        default=None, description="The offending value, shortened.", examples=["-1"]
    )
    accepted: str | None = Field(
        default=None,
        description="What would have been accepted.",
        examples=["an integer in [0, 2**64)"],
    )
    reasons: list[str] | None = Field(
        default=None, description="Why the server is not ready; of `/readyz` alone."
    )
    results: list[CheckOut] | None = Field(
        default=None, description="All that was looked at; of `/readyz` alone."
    )
