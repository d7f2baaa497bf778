"""What the settings select."""

from typing import get_args

from app.settings import Devices
from app.wiring import make_backend


def test_every_choice_of_devices_has_a_backend() -> None:
    """One that can be warmed up."""
    for devices in get_args(Devices):
        assert callable(make_backend(devices).warm_up)
