import io

import pytest
from rich.console import Console

from cluster.screen.text import fits_windows, number, plain_cells, print_json, say, share


def test_lines_are_neither_wrapped_nor_read_as_markup():
    out = io.StringIO()
    say(Console(file=out, width=20), "a/very/long/path/[red]that/must/stay/whole")
    assert out.getvalue() == "a/very/long/path/[red]that/must/stay/whole\n"
    assert [cell.plain for cell in plain_cells("[b]", 3, None)] == ["[b]", "3", ""]


def test_numbers():
    assert (number(None), number(3.14159), share(float("nan")), share(0.251)) == ("-", "3.14", "", "25%")


def test_windows_are_shown_where_there_is_room():
    assert fits_windows(130, 4)
    assert not fits_windows(129, 4)


def test_json_keeps_its_letters(capsys):
    print_json({"name": "余额宝"})
    assert capsys.readouterr().out == '{"name": "余额宝"}\n'
    with pytest.raises(TypeError):
        print_json(object())
