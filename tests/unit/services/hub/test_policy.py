"""What an operator lets in."""

import pytest

from services.hub.errors import LicenceNotAllowedError, RepositoryNotAllowedError
from services.hub.policy import AllowList, LicencePolicy


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("*", "gpt2"),
        ("*", "timm/resnet50"),
        ("timm/*", "timm/resnet50"),
        ("gpt2, timm/*", "gpt2"),
        ("*/resnet?0", "owner/resnet50"),
        ("*/*", "a/b"),
    ],
)
def test_repositories_that_match_are_allowed(text: str, name: str) -> None:
    """Any pattern is enough."""
    AllowList.parse(text).check(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("timm/*", "timmy/resnet50"),
        ("timm/*", "Timm/resnet50"),
        ("timm/*", "timm"),
        ("timm*", "timm/resnet50"),
        ("gpt2", "owner/gpt2"),
        ("*/*", "gpt2"),
        ("a/b?", "a/b"),
    ],
)
def test_repositories_that_match_nothing_are_refused(text: str, name: str) -> None:
    """No pattern reaches beyond a slash, and the error says all of them."""
    with pytest.raises(RepositoryNotAllowedError, match="accepted: ") as caught:
        AllowList.parse(text).check(name)
    assert caught.value.accepted == text


def test_a_new_name_has_to_be_allowed_too_and_is_not_told() -> None:
    """It may be that of a private repository."""
    allowed = AllowList.parse("old/*")
    with pytest.raises(RepositoryNotAllowedError, match="has a new name") as caught:
        allowed.check("old/model", today="secret/model")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", " , ", "a/b/c", "a/[bc]", "a b", "!a/b"])
def test_lists_without_meaning_are_refused(text: str) -> None:
    """An operator should not believe that they say something."""
    with pytest.raises(ValueError, match="accepted: owner/name"):
        AllowList.parse(text)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("", "anything"),
        ("*", None),
        ("apache-2.0,mit", "mit"),
        ("apache-2.0,mit", "MIT"),
        ("apache-2.0,mit", "apache-2.0,mit"),
        ("!cc-by-nc-4.0", "mit"),
        ("!cc-by-nc-4.0", None),
        ("unknown", None),
    ],
)
def test_licences_are_accepted(text: str, licence: str | None) -> None:
    """Those listed, or those not refused."""
    LicencePolicy.parse(text).check("owner/name", licence)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("apache-2.0", "mit"),
        ("apache-2.0", None),
        ("apache-2.0", "apache-2.0,other"),
        ("!cc-by-nc-4.0, !other", "CC-BY-NC-4.0"),
        ("!other", "mit,other"),
        ("!unknown", None),
        ("!unknown", ","),
    ],
)
def test_licences_are_refused(text: str, licence: str | None) -> None:
    """One that is refused is enough."""
    with pytest.raises(LicenceNotAllowedError, match="of owner/name is not accepted"):
        LicencePolicy.parse(text).check("owner/name", licence)


@pytest.mark.parametrize("text", ["mit,!other", "!", "a b", "mit;other", "*,mit", ","])
def test_policies_without_meaning_are_refused(text: str) -> None:
    """Above all those that say both."""
    with pytest.raises(ValueError, match="accepted: either identifiers to accept"):
        LicencePolicy.parse(text)
