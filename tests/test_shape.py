"""The measures that `tests/test_architecture.py` holds against the limits."""

import ast

import pytest

from tests import shape

LOW = """
if TYPE_CHECKING:
    from pack import top
else:
    import pack.base
from ..base import late
"""
SOURCES = {
    "pack/__init__.py": "",
    "pack/top.py": "from pack.room import name\nfrom pack.room import low\nfrom pack import base",
    "pack/base.py": "def late():\n    import pack.top",
    "pack/room/__init__.py": "from pack.room.low import name",
    "pack/room/low.py": LOW,
    "pack/rest/__init__.py": "import pack.top",
    "other/__init__.py": "",
    "other/user.py": "class A:\n    from pack.top import name",
}
DOCUMENTED = '''
def f(
    a,
):
    """Says.

    More.
    """
    # why
    x = (
        a
    )
    return x
'''
MODULES = shape.parse(SOURCES)


def function(source):
    return ast.parse(source).body[0]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def f(): return 1", 1),
        ('def f():\n    """Says."""', 0),
        (DOCUMENTED, 4),
        ("async def f():\n    @d\n    def g():\n        pass\n\n    return g", 5),
    ],
)
def test_body_lines_leave_out_signature_and_docstring(source, lines):
    assert shape.body_lines(function(source)) == lines


@pytest.mark.parametrize(
    ("signature", "n"), [("", 0), ("self", 0), ("cls, a", 1), ("a, self", 2), ("a, /, b, *c, d, **e", 5), ("*, d", 1)]
)
def test_parameters_of_every_kind_count(signature, n):
    assert shape.n_parameters(function(f"def f({signature}): pass")) == n


def test_nested_functions_and_methods_are_found():
    modules = shape.parse({"p/m.py": "class A:\n    def a(self):\n        def b(): pass\nasync def c(): pass"})
    assert sorted(place for place, _ in shape.functions(modules)) == ["p/m.py:2 a", "p/m.py:3 b", "p/m.py:4 c"]


def test_only_what_is_above_a_limit_is_named():
    long = "def f():\n" + "    x = 1\n" * 41
    wide = f"def f({', '.join('abcdefgh')}): pass"
    sources = {"p/long.py": long, "p/wide.py": wide, "p/file.py": "\n" * 401, shape.COMPILED[0]: wide}
    modules = shape.parse(sources)
    assert shape.long_functions(modules) == {"p/long.py:1 f": 41}
    assert shape.wide_functions(modules) == {"p/wide.py:1 f": 8}
    assert shape.long_files(sources) == {"p/file.py": 401}


def test_folders_count_modules_but_init_and_models():
    folders = {"p": 12, "p/full": 13, "p/models": 13, "p/models/deep": 13}
    files = [f"{folder}/m{i}.py" for folder, n in folders.items() for i in range(n)]
    assert shape.full_folders(shape.parse(dict.fromkeys([*files, "p/__init__.py"], ""))) == {"p/full": 13}


def test_graph_holds_what_runs_at_import():
    assert shape.import_graph(MODULES) == {
        "pack.top": {"pack.room", "pack.room.low", "pack.base"},
        "pack.base": set(),
        "pack.room": {"pack.room.low"},
        "pack.room.low": {"pack.base"},
        "other.user": set(),
    }


def test_chain_is_the_longest_one():
    assert shape.chain_of(MODULES, "pack") == ["pack.top", "pack.room", "pack.room.low", "pack.base"]


def test_circles_are_an_error():
    modules = shape.parse({"p/a.py": "import p.b", "p/b.py": "from p import c", "p/c.py": "from p.b import x"})
    with pytest.raises(ValueError, match=r"p\.b → p\.c → p\.b"):
        shape.chain_of(modules, "p")


def test_rooms_are_folders_below_a_package():
    rooms = {name: shape.room_of(MODULES, name) for name in MODULES}
    assert rooms["pack.top"] == rooms["pack"] == "pack"
    assert rooms["pack.room.low"] == rooms["pack.room"] == "pack.room"


def test_imports_between_rooms_need_permission():
    allowed = {"pack": {"pack.room"}, "pack.room": {"pack"}, "pack.rest": {"pack"}, "other": {"pack"}}
    assert shape.forbidden_imports(MODULES, allowed) == []
    assert shape.forbidden_imports(MODULES, allowed | {"pack.rest": set()}) == ["pack.rest imports pack.top"]
    del allowed["other"]
    assert shape.forbidden_imports(MODULES, allowed) == ["other is not in the table"]
