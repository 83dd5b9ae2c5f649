"""What comes from data is text, wherever it is printed."""

import ast
import io
import json
import re
from contextlib import redirect_stdout

import pytest
from rich.progress import Progress
from rich.table import Table

from cluster.cli import app
from cluster.terminal.screen import NewLines, Screen, print_json
from tests import shape
from tests.cluster.terminal.hostile import ESCAPES, MARKUP, RUN_DIR, SHOWN, run_hostile
from tests.runs import tidecast

pytestmark = pytest.mark.usefixtures("without_charts")

RICH = {
    "rich": {"box"},
    "rich.table": {"Column", "Table"},
    "rich.progress": {
        "BarColumn",
        "MofNCompleteColumn",
        "Progress",
        "ProgressColumn",
        "Task",
        "TaskID",
        "TimeElapsedColumn",
    },
}
"""What may be used of rich outside of `cluster.terminal`: nothing that reads markup or takes text past `Screen`."""
PROBE = "cluster/execution/ray_probe.py"
"""A process of its own, whose parent reads what it prints."""
PRINTS = {"print", "echo", "secho", "pprint"}


def shown(*things, **options):
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, color_system="truecolor", width=200, **options)
    for thing in things:
        screen.print(thing)
    return out.getvalue()


def test_nothing_else_prints_or_makes_text():
    for module in shape.read(shape.PACKAGES).values():
        if module.path.startswith(("cluster/terminal/", PROBE)):
            continue
        for node in ast.walk(module.tree):
            place = f"{module.path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rich":
                assert {alias.name for alias in node.names} <= RICH.get(node.module, set()), place
            elif isinstance(node, ast.Import):
                assert not any(alias.name.split(".")[0] == "rich" for alias in node.names), place
            elif isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                owner = getattr(getattr(node.func, "value", None), "id", "")
                assert name not in PRINTS or owner in ("out", "err"), f"{place} prints past `Screen`"
            elif isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in ("sys.stdout.write", "sys.stderr.write"), place


def test_every_part_of_a_table_is_text():
    text = f"{ESCAPES} {MARKUP} 12 'quoted' /a/path"
    table = Table(text, title=text, caption=text, title_style=None, caption_style=None, header_style=None)
    table.add_row(text)
    out = shown(table)
    assert out.count(f"{SHOWN} {MARKUP} 12 'quoted' /a/path") == 4
    assert not re.search("\x1b\\[(31|2J)|\u202e|\u200b|☺|😄", out)


def test_lines_are_neither_coloured_nor_wrapped_nor_read():
    out = io.StringIO()
    long = f"{ESCAPES} {MARKUP} 12 " + "a/very/long/path" * 20
    Screen(file=out, force_terminal=True, color_system="truecolor", width=20).say(long + "\nend")
    assert out.getvalue() == f"{SHOWN} {MARKUP} 12 " + "a/very/long/path" * 20 + "\\nend\n"


def test_later_runs_say_what_is_new():
    """All lines of the first run; later ones unless only numbers differ, which a name with a number is not."""
    text = io.StringIO()
    screen = NewLines(file=text)
    runs = [
        ("reads 90 days, 2024-01-01 to 2024-03-30", "bank1 is left out", "bank2 is left out", "5 fits"),
        ("reads 97 days, 2024-01-01 to 2024-04-06", "bank2 is left out", "bank3 is left out", "4 fits, 1 failed"),
    ]
    for lines in runs:
        for line in lines:
            screen.say(line)
        screen.next_run()
    assert text.getvalue().splitlines() == [*runs[0], "bank3 is left out", "4 fits, 1 failed"]


def test_a_progress_bar_is_text():
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, width=200)
    with Progress("{task.description}", "{task.fields[note]}", console=screen) as bar:
        bar.add_task(ESCAPES, note=MARKUP)
    assert f"{SHOWN} {MARKUP}" in out.getvalue()


def test_json_stays_json_and_acts_on_no_terminal(capsys):
    value = {"name": f"余额宝 {ESCAPES} \U000e0041 \x7f\x9b\udc80"}
    print_json(value)
    text = capsys.readouterr().out
    assert text.removesuffix("\n").isprintable()
    assert "余额宝" in text
    assert json.loads(text) == value
    with pytest.raises(TypeError):
        print_json(object())


def test_json_fits_the_encoding():
    out = io.TextIOWrapper(io.BytesIO(), "latin-1")
    with redirect_stdout(out):
        print_json({"name": "余 é \U0001f600"})
    out.flush()
    assert json.loads(out.buffer.getvalue().decode("latin-1")) == {"name": "余 é \U0001f600"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    run_hostile(folder)
    return folder


ASKED = ("config.yaml", "--data", "panel.csv", "--run-dir", RUN_DIR)
LEDGER = "[bold]ledger"
FILLED = (*ASKED[:3], "--from", "2024-03-24", "--every", "7", "--ledger", LEDGER, "--executor", "local")
COMMANDS = {
    "run": [(*ASKED, "--executor", "local")],
    "plan": [ASKED],
    "config": [("config.yaml",)],
    "sample": [(RUN_DIR + "/sample", "--kind", "accounts", "--users", "1", "--days", "30")],
    "validate": [("panel.csv", "--config", "config.yaml"), ("panel.csv", "--config", "config.yaml", "--json")],
    "leaderboard": [(RUN_DIR,), (RUN_DIR, "--json"), (RUN_DIR, RUN_DIR), (RUN_DIR, RUN_DIR, "--json")],
    "report": [(RUN_DIR,)],
    "monitor": [(RUN_DIR,), (RUN_DIR, "--json"), (RUN_DIR, "--actuals", "more.csv")],
    "predict": [(RUN_DIR, "--data", "more.csv")],
    "evaluate": [(RUN_DIR,), (RUN_DIR, "--json")],
    "explore": [("panel.csv", "--config", "config.yaml"), ("panel.csv", "--config", "config.yaml", "--json")],
    "explain": [(RUN_DIR,), (RUN_DIR, "--json")],
    "scenario": [(RUN_DIR, "scenario.yaml"), (RUN_DIR, "scenario.yaml", "--json")],
    "verify": [(RUN_DIR,), (RUN_DIR, "--json")],
    "status": [(RUN_DIR,), (RUN_DIR, "--json")],
    "backfill": [FILLED],
    "score": [(RUN_DIR + "/forecast.csv", "more.csv", "--config", "config.yaml")],
}


@pytest.mark.parametrize("name", [command.name or command.callback.__name__ for command in app.registered_commands])
def test_no_command_acts_on_names(folder, name):
    for arguments in COMMANDS[name]:
        done = tidecast(folder, name, *arguments)
        assert done.returncode == 0, done.stderr
        assert (done.stdout + done.stderr).replace("\n", "").isprintable()
        if "--json" in arguments:
            json.loads(done.stdout)


def test_a_ledger_acts_on_no_names(folder):
    assert tidecast(folder, "backfill", *FILLED).returncode == 0
    for more in (("--html", "page.html"), ("--json",), ("--day", "2024-03-27"), ("--heads",)):
        done = tidecast(folder, "monitor", LEDGER, "--actuals", "more.csv", *more)
        assert done.returncode == 0, done.stderr
        assert (done.stdout + done.stderr).replace("\n", "").isprintable()
    page = (folder / "page.html").read_text()
    assert "\x1b" not in page
    assert MARKUP in page


def test_names_are_shown_as_they_are(folder):
    said = tidecast(folder, "leaderboard", RUN_DIR).stdout
    assert SHOWN in said
    assert f"  {MARKUP} " in said
    assert f"{RUN_DIR}/report.html\n" in tidecast(folder, "report", RUN_DIR).stdout


@pytest.mark.parametrize("arguments", [("run", f"{ESCAPES}\n.csv"), (f"{ESCAPES}\n",), ("report", f"{ESCAPES}\n")])
def test_an_error_is_one_line_that_acts_on_nothing(folder, arguments):
    done = tidecast(folder, *arguments)
    assert done.returncode == 2
    assert SHOWN + r"\n" in done.stderr
    assert done.stderr.replace("\n", "").isprintable()
