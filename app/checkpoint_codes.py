"""What can go wrong with checkpoints, by code: for the description of the interface."""

NAMING_CODES = ("invalid_repository", "invalid_revision", "invalid_file")
"""A name that no repository, revision or file has."""

ASKING_CODES = (
    "unknown_repository",
    "unknown_revision",
    "unknown_file",
    "invalid_hub_token",
    "gated_repository",
    "repository_not_allowed",
    "licence_not_allowed",
    "upstream_error",
    "upstream_unavailable",
    "upstream_busy",
    "offline",
)
"""What the Hub, or the policy of this server, says to a question."""

READING_CODES = (
    "pickle_refused",
    "invalid_checkpoint",
    "conversion_failed",
    "corrupt_file",
    "redirect_refused",
    "insufficient_storage",
)
"""What becomes of bytes that cannot be had, kept or believed."""

DOCUMENT_CODES = (*ASKING_CODES, "corrupt_file")
"""What a spec's document can lead to: the Hub is asked, but no bytes are fetched."""

SOURCE_CODES = (*NAMING_CODES, *ASKING_CODES, *READING_CODES)
"""All of it: what a spec that names a checkpoint can lead to."""
