"""Whether the server is alive, and whether it is ready."""

from typing import Literal

from pydantic import Field

from schemas.base import WireModel


class Health(WireModel):
    """The event loop answers."""

    status: Literal["alive"] = Field(description="Always this word.")


class CheckOut(WireModel):
    """One thing that was looked at."""

    name: str = Field(description="What was looked at.", examples=["store"])
    ok: bool = Field(description="Whether it is as it should be.")
    reason: str | None = Field(
        default=None, description="What is wrong with it; null or absent if nothing is."
    )


class Readiness(WireModel):
    """Everything is as it should be: store, devices, disks."""

    status: Literal["ready"] = Field(description="Always this word.")
    checks: list[str] = Field(
        description="What was looked at.", examples=[["server", "devices", "store"]]
    )
    results: list[CheckOut] = Field(description="The same, with what was seen.")
