"""What the configuration of a stored run names beyond its directory, and whether it may be opened.

A run directory can come from somebody else. A file that its run.json names would be read on this machine, and a host
contacted with the keys of whoever asks. So nothing of that is opened unless the user says so: all of it, with
``--allow-external``, or one place, by naming it again with ``--set``. That is also how a URI gets back what was not
stored: its user, password and options.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.config import RunConfig, parse_config
from cluster.keys import set_key
from forecasting.data.balance import Limits
from forecasting.data.formats.files import Folder, open_location
from forecasting.errors import ConfigError, StorageError
from forecasting.models import built_in_models, model_type
from forecasting.models.base import PLACE
from forecasting.places.uri import is_cut, is_uri, redacted, without_secrets
from forecasting.trial import Member

__all__ = ["BEYOND", "NOTHING", "External"]

BEYOND = ("events", "planned", "cache")
"""Keys of `data` that name a file or a folder."""
READ = ("columns", "date_format", "decimal", "max_lag", "missing", "sheet")
"""Keys of `data` that say how newer data are written and read, which may be otherwise than the run's."""


@dataclass(frozen=True)
class External:
    """What the user permits: everything that run.json names, or the places `given` again as ``key=value``.

    Among `given` may be how newer data are read, too.
    """

    allowed: bool = False
    given: tuple[str, ...] = ()

    def permit(self, config: RunConfig, used: Collection[Member], data: str, where: str) -> RunConfig:
        """The configuration with the places that the user named again, if all that it names may be opened.

        Parameters
        ----------
        used
            The members that will forecast; files of others are not opened.
        data
            The data that the user named: an events file or a plan in that folder belongs to them.
        where
            What the configuration is called.

        Raises
        ------
        StorageError
            When it names what may not be opened, or what was not stored whole.
        ConfigError
            When `given` names other keys, or another place than that of the run.
        """
        named = dict(_named(config, used))
        again = [self._key_of(override, named, reads=bool(data)) for override in self.given]
        left = {
            key: place for key, place in named.items() if key not in again and not _in_data(key, place, config, data)
        }
        for key, place in left.items():
            if is_cut(place):
                what = f"{key} is {without_secrets(place)}, and its user, password and options were not stored"
                raise StorageError(where=where, what=what, remedy=f"give the whole URI with --set {key}=URI")
        if left and not self.allowed:
            places = ", ".join(f"{key} ({without_secrets(place)})" for key, place in left.items())
            what = f"it names what lies outside the run directory: {places}"
            raise StorageError(where=where, what=what, remedy="add --allow-external if that may be opened")
        return self._with_given(config, where)

    def _key_of(self, override: str, named: Mapping[str, str], *, reads: bool) -> str:
        """The key that the user gave: of a place, or, where newer data are read, of how they are."""
        key, _, text = (part.strip() for part in override.partition("="))
        section, *names = key.split(".")
        if reads and section == "data" and names and names[0] in READ:
            return key
        if key not in named:
            known = ", ".join(named) or "none"
            what = f"only what run.json names can be given again, which is {known}"
            what += f"; and how newer data are read: data.{', data.'.join(READ)}" if reads else ""
            raise ConfigError(f"--set {override}: {what}")
        given: dict[str, Any] = {}
        set_key(given, f"place={text}")
        if key.startswith("members.") and redacted(given["place"], mark="") != redacted(named[key], mark=""):
            what = f"the run was trained with {without_secrets(named[key])}"
            raise ConfigError(where=f"--set {override}", what=what, remedy="give that one")
        return key

    def _with_given(self, config: RunConfig, where: str) -> RunConfig:
        keys = config.model_dump(mode="json")
        for override in self.given:
            set_key(keys, override)
        return _without_stored(parse_config(keys, where) if self.given else config)


NOTHING = External()
"""Permits nothing."""


def _without_stored(config: RunConfig) -> RunConfig:
    """The configuration without what stands in run.json and is not read again: groups and units, which balances and
    limits may name, and balances that are numbers.
    """
    unit = config.data.unit if config.data.units is None else None
    balance = config.data.balance if isinstance(config.data.balance, str) else None
    stored = {"groups": None, "units": None, "unit": unit, "balance": balance, "limits": Limits()}
    return config.model_copy(update={"data": config.data.model_copy(update=stored)})


def _named(config: RunConfig, used: Collection[Member]) -> Iterator[tuple[str, str]]:
    """Key → file, folder or URI, of all that forecasting would open."""
    for name in BEYOND:
        if (place := getattr(config.data, name)) is not None:
            yield f"data.{name}", place
    for row, entry in enumerate(config.members):
        for name, value in entry.settings.items():
            for key, place in _values(f"members.{row}.{name}", value):
                mine = any(member.model == entry.model and member.settings.get(name) == place for member in used)
                if mine and _is_place(entry.model, name, place):
                    yield key, place


def _values(key: str, value: object) -> Iterator[tuple[str, str]]:
    """The texts of a setting: one, or those of a list."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        yield from ((f"{key}.{row}", one) for row, one in enumerate(value) if isinstance(one, str))


def _is_place(model: str, setting: str, value: str) -> bool:
    """Whether a setting names a file or a URI: it says so, or a user's own model has what looks like one."""
    field = model_type(model).settings_type.model_fields.get(setting)
    marked = field is not None and field.json_schema_extra == PLACE
    return marked or is_uri(value) or ("/" in value and model not in built_in_models())


def _in_data(key: str, place: str, config: RunConfig, data: str) -> bool:
    """Whether it is a file of events or of a plan that lies in the folder of the data."""
    if (
        key not in ("data.events", "data.planned")
        or is_uri(place)
        or Path(place).is_absolute()
        or ".." in Path(place).parts
    ):
        return False
    folder = open_location(data, config.data.table_options)
    return isinstance(folder, Folder) and folder.has_file(place)
