"""The wire contract: what comes in and what goes out, in pydantic."""
