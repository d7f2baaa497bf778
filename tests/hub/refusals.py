"""What the Hub says when it refuses: statuses, codes and sentences as its clients expect."""

from tests.hub.messages import Answer, answer_json

_INVALID_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - a sentence


def refuse(
    status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """Return a refusal, as JSON and in headers."""
    said = {"X-Error-Message": message, **(headers or {})}
    if code is not None:
        said["X-Error-Code"] = code
    return answer_json({"error": message}, status=status, headers=said)


def refuse_token() -> Answer:
    """Nobody has this token."""
    return refuse(401, _INVALID_TOKEN)


def refuse_repository(*, is_anonymous: bool) -> Answer:
    """There is none, or it is private: a caller cannot tell which."""
    if is_anonymous:
        return refuse(401, "Invalid username or password.", "RepoNotFound")
    return refuse(404, "Repository not found", "RepoNotFound")


def refuse_gated(name: str, *, is_anonymous: bool) -> Answer:
    """The owner has not let the caller in."""
    if is_anonymous:
        message = (
            f"Access to model {name} is restricted. You must have access to it and be "
            "authenticated to access it. Please log in."
        )
        return refuse(401, message, "GatedRepo")
    message = (
        f"Access to model {name} is restricted and you are not in the authorized list. "
        f"Visit https://huggingface.co/{name} to ask for access."
    )
    return refuse(403, message, "GatedRepo")


def refuse_revision(revision: str) -> Answer:
    """The repository has no such revision."""
    return refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def refuse_entry(commit: str) -> Answer:
    """The commit has no such file: for good, which is why it is named."""
    return refuse(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit})
