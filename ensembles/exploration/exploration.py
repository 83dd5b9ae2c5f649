"""Everything that was found, in the three forms in which people look at it: lines, JSON, a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ensembles.exploration.fact import Fact, Subject, subjects
from ensembles.exploration.material import Material
from ensembles.exploration.page import page_of
from forecasting.errors import StorageError

__all__ = ["SCHEMA_VERSION", "Exploration", "look_at_data"]

SCHEMA_VERSION = 1
FRAME_HEIGHT = 720
"""Pixels of the page within a notebook."""


@dataclass(frozen=True)
class Exploration:
    """What the data show; `found` are the facts with their subjects, in the order of the page."""

    material: Material
    found: tuple[tuple[Subject, Fact], ...]

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Each fact by the id of its subject: its `sentence` and its `numbers`."""
        return {subject.id: fact for subject, fact in self.found}

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(fact.sentence for _, fact in self.found)

    def as_json(self) -> dict[str, Any]:
        """The facts as ``tidecast explore --json`` prints them; README.md of this folder lists the numbers."""
        return {
            "schema_version": SCHEMA_VERSION,
            "name": self.material.name,
            "facts": [
                {"id": subject.id, "title": subject.title, "sentence": fact.sentence, "numbers": dict(fact.numbers)}
                for subject, fact in self.found
            ],
        }

    def html(self) -> str:
        """One page in one piece: it loads nothing from the network."""
        return page_of(self.material, self.found)

    def to_html(self, path: str | Path) -> Path:
        """Write the page.

        Raises
        ------
        StorageError
            When the file cannot be written.
        """
        target = Path(path).expanduser()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.html(), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"{target}: the page cannot be written ({error.strerror or error})") from None
        return target

    def __repr__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        """The page in a frame of its own: its style does not reach the notebook's."""
        from markupsafe import escape

        return f'<iframe srcdoc="{escape(self.html())}" style="width:100%;height:{FRAME_HEIGHT}px;border:0"></iframe>'


def look_at_data(material: Material) -> Exploration:
    """Every subject's fact; those that data of this kind have nothing to say on are left out."""
    found = ((subject, subject.fact(material)) for subject in subjects())
    return Exploration(material, tuple((subject, fact) for subject, fact in found if fact is not None))
