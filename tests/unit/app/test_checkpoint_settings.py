"""Settings of checkpoints: checked when the server starts, and refused in one line."""

from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from app.settings import PREFIX, Settings, load_settings
from services.errors import StartupError

TOKEN = "hf_abcDEF0123"  # noqa: S105 - it opens nothing


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set by whoever runs the tests."""
    for name in ("HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a process with this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(environment)


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, "https://huggingface.co"),
        ({"HF_ENDPOINT": ""}, "https://huggingface.co"),
        ({"HF_ENDPOINT": "https://hub.example/"}, "https://hub.example"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9000/hub/"}, "http://127.0.0.1:9000/hub"),
        (
            {
                "HF_ENDPOINT": "https://hub.example",
                f"{PREFIX}HUB_ENDPOINT": "https://other.example",
            },
            "https://other.example",
        ),
    ],
)
def test_the_hub_is_where_its_own_variable_says(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], endpoint: str
) -> None:
    """Unless ours says otherwise; a final slash is no part of it."""
    assert load(monkeypatch, environment).hub_endpoint == endpoint


@pytest.mark.parametrize(
    ("environment", "is_offline"),
    [
        ({}, False),
        ({"HF_HUB_OFFLINE": "0"}, False),
        ({"HF_HUB_OFFLINE": "no"}, False),
        ({"HF_HUB_OFFLINE": "1"}, True),
        ({"HF_HUB_OFFLINE": "ON"}, True),
        ({"HF_HUB_OFFLINE": "Yes"}, True),
        ({"HF_HUB_OFFLINE": "true"}, True),
        ({"HF_HUB_OFFLINE": "1", f"{PREFIX}HUB_OFFLINE": "false"}, False),
        ({f"{PREFIX}HUB_OFFLINE": "true"}, True),
    ],
)
def test_a_server_is_offline_where_the_hubs_own_variable_says(
    monkeypatch: pytest.MonkeyPatch,
    environment: Mapping[str, str],
    is_offline: bool,  # noqa: FBT001 - a case
) -> None:
    """As the Hub's client reads it, unless ours says otherwise."""
    assert load(monkeypatch, environment).hub_offline is is_offline


@pytest.mark.parametrize(
    ("name", "value", "mentioned"),
    [
        ("HUB_ENDPOINT", "huggingface.co", "'huggingface.co' is not the address of a Hub"),
        ("HUB_ENDPOINT", "ftp://hub.example", "is not the address of a Hub"),
        ("HUB_ENDPOINT", "https://hub.example/?a=b", "without user, query and fragment"),
        ("HUB_REPOSITORIES", "timm/*/*", "'timm/*/*' matches no repository"),
        ("HUB_REPOSITORIES", ",", "an empty list allows no repository"),
        ("HUB_LICENCES", "mit,!other", "both accepts and refuses"),
        ("HUB_LICENCES", "the best", "is not a licence's identifier"),
        ("HUB_REDIRECT_HOSTS", "*", "'*' names no host"),
        ("HUB_REDIRECT_HOSTS", "ftp://cdn.example", "names no origin"),
        ("HUB_TIMEOUT_SECONDS", "0", "greater than 0"),
        ("HUB_RIGHTS_SECONDS", "-1", "greater than or equal to 0"),
        ("HUB_GRACE_SECONDS", "inf", "less than or equal to"),
        ("CHECKPOINT_CACHE_BYTES", "0", "greater than 0"),
        ("ALLOW_PICKLE", "yes", "'refuse' or 'convert'"),
        ("LIMIT_FETCHES", "0", "greater than or equal to 1"),
        ("HUB_LICENSES", "mit", f"{PREFIX}HUB_LICENCES (did you mean this?)"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, mentioned: str
) -> None:
    """Which names the setting, and what would be accepted."""
    with pytest.raises(StartupError) as caught:
        load(monkeypatch, {PREFIX + name: value})
    message = str(caught.value)
    assert message.startswith(PREFIX + name)
    assert mentioned in message
    assert "\n" not in message


def test_a_bad_address_of_the_hubs_own_variable_is_refused_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever set it."""
    with pytest.raises(StartupError, match=r"'hub\.example' is not the address of a Hub"):
        load(monkeypatch, {"HF_ENDPOINT": "hub.example"})


@pytest.mark.parametrize("name", ["HF_ENDPOINT", f"{PREFIX}HUB_ENDPOINT"])
def test_an_address_with_a_password_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is refused, and logs are read by many."""
    with pytest.raises(StartupError, match="is not the address of a Hub") as caught:
        load(monkeypatch, {name: "https://me:secret@hub.example"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("value", [TOKEN, f"{TOKEN}\n", f" {TOKEN} "])
def test_a_token_may_come_out_of_a_file(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Whose last line ends; it is shown nowhere."""
    settings = load(monkeypatch, {f"{PREFIX}HUB_TOKEN": value})
    assert settings.hub_token.get_secret_value() == TOKEN
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings.model_dump())
    assert TOKEN not in settings.model_dump_json()


def test_there_need_be_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is none."""
    assert load(monkeypatch, {f"{PREFIX}HUB_TOKEN": ""}).hub_token == SecretStr("")


@pytest.mark.parametrize("value", ["hf_two words", "hf_\xe9", "x" * 513])
def test_a_bad_token_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """In one line, before anything starts."""
    with pytest.raises(StartupError) as caught:
        load(monkeypatch, {f"{PREFIX}HUB_TOKEN": value})
    assert str(caught.value) == (
        f"{PREFIX}HUB_TOKEN cannot be used: token of the Hub cannot be one; accepted: "
        "1 to 512 characters without spaces, such as hf_..."
    )


def test_checkpoints_are_kept_beside_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they have a place of their own."""
    settings = load(monkeypatch, {f"{PREFIX}DATA_DIR": "/srv/data"})
    assert str(settings.checkpoint_directory) == "/srv/data/checkpoints"
    settings = load(monkeypatch, {f"{PREFIX}CHECKPOINT_DIR": "/srv/cache"})
    assert str(settings.checkpoint_directory) == "/srv/cache"
