"""Whether the server is alive, and whether it is ready."""

from typing import Literal

from pydantic import Field

from schemas.base import WireModel


class Health(WireModel):
    """The event loop answers."""

    status: Literal["alive"] = Field(description="Always this word.")


class Readiness(WireModel):
    """The store answers and the kernels are loaded."""

    status: Literal["ready"] = Field(description="Always this word.")
    checks: list[str] = Field(description="What was looked at.", examples=[["store", "backend"]])
