"""What is printed: lines and tables through a `Screen`, and JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from forecasting.errors import visible

__all__ = ["LOGGER", "NewLines", "Screen", "print_json", "screen_of_script", "screens"]

PIPED_WIDTH = 140
LOGGER = "tidecast"
"""The logger that gets what a run says, where a program that calls it has set up logging."""
_NUMBER = re.compile(r"\b[0-9a-f]{32,}\b|\b\d+\b")


class Screen(Console):
    """A console on which text is text: names, paths and messages come from data, and may hold anything.

    Whatever `str` it is given, as a line, a cell, a title or a column of a progress bar, is never read as markup or
    emoji and never coloured by its content, and control characters in it are shown escaped. That is why tables are
    made of `str`, and nothing but this module makes a `Text` (`tests/cluster/terminal/test_screen.py`).
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as it stands; rich sends every `str` through here."""
        return super().render_str(visible(text), **{**options, "markup": False, "emoji": False, "highlight": False})

    @property
    def is_live(self) -> bool:
        """Whether what is shown can be changed afterwards: not in a file, a pipe or a dumb terminal."""
        return self.is_terminal and not self.is_dumb_terminal and not self.quiet

    def say(self, text: str) -> None:
        """A line that is never wrapped, so that paths in it can be copied."""
        self.print(text, soft_wrap=True)

    def tell(self, text: str) -> None:
        """A sentence: wrapped between words on a terminal, and one line in a file or a pipe."""
        self.print(text, soft_wrap=not self.is_terminal)

    def say_file(self, label: str, path: str) -> None:
        """A line with a file of this program's own; terminals that know links open it by a click."""
        line = Text(visible(label))
        uri = Path(path).as_uri() if Path(path).is_absolute() else None
        line.append(visible(path), Style(link=uri) if self.is_live else None)
        self.print(line, soft_wrap=True)


class NewLines(Screen):
    """A screen for many runs alike: a line that differs from one of an earlier run by numbers or digests alone is left
    out. `next_run` says that a run is over.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._before: set[str] = set()
        self._now: set[str] = set()

    def say(self, text: str) -> None:
        """As `Screen.say`, unless an earlier run said it."""
        pattern = _NUMBER.sub("#", text)
        self._now.add(pattern)
        if pattern not in self._before:
            super().say(text)

    def next_run(self) -> None:
        """What was said so far is not said again."""
        self._before |= self._now


class _Log(Screen):
    """A screen whose lines go to a logger as INFO; nothing on it moves."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(file=io.StringIO(), width=PIPED_WIDTH)
        self._logger = logger

    def say(self, text: str) -> None:
        """A record of the logger, without the program's name, which is the logger's."""
        self._logger.info("%s", visible(text.removeprefix(f"{LOGGER}: ")))

    tell = say


def screen_of_script(quiet: bool) -> Screen:
    """For a run from Python: the logger `LOGGER` where somebody handles its INFO, else stderr; `quiet`: neither."""
    logger = logging.getLogger(LOGGER)
    if logger.hasHandlers() and logger.isEnabledFor(logging.INFO) and not quiet:
        return _Log(logger)
    return Screen(stderr=True, soft_wrap=True, quiet=quiet)


def screens() -> tuple[Screen, Screen]:
    """Screens on stdout and stderr; piped output is as wide as a table needs."""
    return Screen(width=None if sys.stdout.isatty() else PIPED_WIDTH), Screen(stderr=True, soft_wrap=True)


def print_json(value: Any, **options: Any) -> None:
    """A value as one line of JSON; what a terminal would act on, or the encoding lacks, is escaped in it."""
    text = json.dumps(value, ensure_ascii=False, **options)
    try:
        text.encode(sys.stdout.encoding or "utf-8", "surrogatepass")
    except UnicodeEncodeError:
        text = json.dumps(value, **options)
    print(visible(text, lambda char: json.dumps(char)[1:-1]), flush=True)
