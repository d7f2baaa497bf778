"""What all models of the wire have in common."""

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """Frozen, and closed: a key that nobody reads is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid")
