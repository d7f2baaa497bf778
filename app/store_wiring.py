"""The database of the settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine

from app.settings import PREFIX, Settings
from services.data_directory import prepare_data_directory
from services.database import database_url, open_database
from services.errors import StartupError


def open_store(settings: Settings) -> Engine:
    """Return the database of the settings, with its tables up to date.

    Raises:
        StartupError: If there is no writing to it, in one line.
    """
    with named_after_setting(settings):
        if not settings.database_url.get_secret_value():
            prepare_data_directory(settings.data_dir)
        return open_database(store_url(settings))


def store_url(settings: Settings) -> URL:
    """Return where the database of the settings is.

    Raises:
        StartupError: If the address is none.
    """
    url = settings.database_url.get_secret_value()
    return database_url(url, data_directory=settings.data_dir)


@contextmanager
def named_after_setting(settings: Settings) -> Iterator[None]:
    """Say which setting is to blame if the database cannot be had.

    Raises:
        StartupError: Beginning with that setting.
    """
    setting = "DATABASE_URL" if settings.database_url.get_secret_value() else "DATA_DIR"
    try:
        yield
    except StartupError as error:
        raise StartupError(f"{PREFIX}{setting}: {error}") from error
