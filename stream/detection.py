"""Settings of the service turned into what the detectors take."""

from importlib.metadata import version

import msgspec

from detectors.settings import DetectorSettings
from stream.settings import Settings

VERSION = version("tocsin")
"""Of the detectors, as alerts carry it: they ship in the same distribution."""


def detector_settings(settings: Settings) -> DetectorSettings:
    """The part of `settings` that decides results."""
    names = set(type(settings).model_fields) & set(DetectorSettings.__struct_fields__)
    values = {name: getattr(settings, name) for name in names}
    values["account_hash_key"] = settings.account_hash_key.get_secret_value().encode()
    return msgspec.convert(values, DetectorSettings)
