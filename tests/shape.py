"""Measures of the program's shape: functions, files, folders, and who imports whom; ``python -m tests.shape [ROOM]``.

Every measure is a pure function of parsed modules, a mapping from a module's dotted name to its `Module`. Run as a
program it prints what is above a limit and which rooms import which; with a room, why that room imports others. A room
is a folder below a package, named by two parts, such as ``ensembles.report``; modules that lie directly in a package
make up the room named by the package alone.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("cluster", "ensembles", "forecasting")
MEDIAN_LINES, P90_LINES, LONGEST_LINES = 6, 18, 40
MOST_PARAMETERS = 7
MOST_FILE_LINES = 400
MOST_MODULES = 12
LONGEST_CHAIN = 7
COMPILED = (
    "forecasting/models/features/calendar_kernel.py",
    "forecasting/models/lstm/engine/fused.py",
    "forecasting/models/lstm/engine/kernel.py",
    "forecasting/models/lstm/engine/microkernel.py",
)
"""Modules that numba compiles or that generate code for it: they may take more parameters."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A parsed file; `path` is relative to the repository."""

    path: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")


Modules = Mapping[str, Module]


def parse(sources: Mapping[str, str]) -> dict[str, Module]:
    """Modules by dotted name, from text by path."""
    return {name_of(path): Module(path, ast.parse(text)) for path, text in sources.items()}


def name_of(path: str) -> str:
    """``a/b.py`` is a.b, and ``a/b/__init__.py`` too."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def sources(folders: Iterable[str]) -> dict[str, str]:
    """Text by path, of the modules in these folders of the repository."""
    files = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return {file.relative_to(ROOT).as_posix(): file.read_text() for file in files}


def read(folders: Iterable[str]) -> dict[str, Module]:
    """The modules in these folders of the repository."""
    return parse(sources(folders))


# -- functions


def functions(modules: Modules) -> Iterator[tuple[str, Function]]:
    """Every function, method and nested function, with the place where it stands."""
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                yield f"{module.path}:{node.lineno} {node.name}", node


def body_lines(function: Function) -> int:
    """Lines from the first statement after the docstring to the last one."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if not body:
        return 0
    first = min([body[0].lineno, *(d.lineno for d in getattr(body[0], "decorator_list", []))])
    return (body[-1].end_lineno or 0) - first + 1


def n_parameters(function: Function) -> int:
    """Parameters besides self and cls; *args and **kwargs count as one each."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args)]
    bound = bool(names) and names[0] in ("self", "cls")
    return len(names) - bound + len(given.kwonlyargs) + (given.vararg is not None) + (given.kwarg is not None)


def body_sizes(modules: Modules) -> dict[str, int]:
    """Place → lines of the body."""
    return {place: body_lines(node) for place, node in functions(modules)}


def p90(sizes: Iterable[int]) -> float:
    return statistics.quantiles(sizes, n=10, method="inclusive")[-1]


def long_functions(modules: Modules) -> dict[str, int]:
    return above(body_sizes(modules), LONGEST_LINES)


def wide_functions(modules: Modules) -> dict[str, int]:
    """Place → parameters of the functions that take too many, outside the compiled modules."""
    judged = {name: module for name, module in modules.items() if module.path not in COMPILED}
    return above({place: n_parameters(node) for place, node in functions(judged)}, MOST_PARAMETERS)


def above(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    """What is above a limit, the largest first."""
    return {key: size for key, size in sorted(sizes.items(), key=lambda item: -item[1]) if size > limit}


# -- files and folders


def long_files(texts: Mapping[str, str]) -> dict[str, int]:
    """Of `sources`: nothing is parsed."""
    return above({path: len(text.splitlines()) for path, text in texts.items()}, MOST_FILE_LINES)


def full_folders(modules: Modules) -> dict[str, int]:
    """Folder → modules, where these are too many; models may be as many as there are."""
    folders = Counter(module.path.rpartition("/")[0] for module in modules.values() if not module.is_package)
    return above({folder: n for folder, n in folders.items() if "models" not in folder.split("/")}, MOST_MODULES)


# -- imports


def imports(modules: Modules, name: str, lazy: bool) -> set[str]:
    """The modules that a module imports: when it is loaded, or with `lazy` also in functions and for type checking.

    ``from a.b import c`` imports a.b.c when that is a module, else a.b.
    """
    found = set()
    for node in _statements(modules[name].tree, lazy):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = _source(modules, name, node)
            wanted = (f"{source}.{alias.name}" for alias in node.names)
            found |= {full if full in modules else source for full in wanted}
    return found & modules.keys()


def _source(modules: Modules, name: str, node: ast.ImportFrom) -> str:
    """The module that a statement imports from, also when it is written relative to the module itself."""
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    kept = parts[: len(parts) - node.level + modules[name].is_package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _statements(node: ast.AST, lazy: bool) -> Iterator[ast.AST]:
    """All below a node; without `lazy` only what runs when the module is loaded."""
    for child in _children(node, lazy):
        yield child
        if lazy or not isinstance(child, Function | ast.Lambda):
            yield from _statements(child, lazy)


def _children(node: ast.AST, lazy: bool) -> Iterable[ast.AST]:
    if not lazy and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return node.orelse
    return ast.iter_child_nodes(node)


def import_graph(modules: Modules) -> dict[str, set[str]]:
    """Module → modules of the same package that it imports when loaded.

    A package's ``__init__`` is part of it only when some module imports from it.
    """
    all_imports = {name: imports(modules, name, lazy=False) for name in modules}
    used = set().union(*all_imports.values())
    return {
        name: {other for other in targets if package_of(other) == package_of(name) and other != name}
        for name, targets in all_imports.items()
        if name in used or not modules[name].is_package
    }


def package_of(name: str) -> str:
    return name.partition(".")[0]


def longest_chain(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The most modules of which each imports the next one.

    Raises
    ------
    ValueError
        When modules import one another in a circle.
    """
    chains: dict[str, list[str]] = {}

    def chain(name: str, way: tuple[str, ...]) -> list[str]:
        if name in way:
            raise ValueError(f"a circle of imports: {' → '.join((*way[way.index(name) :], name))}")
        if name not in chains:
            below = [chain(other, (*way, name)) for other in sorted(graph[name])]
            chains[name] = [name, *max(below, key=len, default=[])]
        return chains[name]

    return max((chain(name, ()) for name in sorted(graph)), key=len, default=[])


def chain_of(modules: Modules, package: str) -> list[str]:
    """The longest chain of imports inside a package."""
    graph = import_graph(modules)
    return longest_chain({name: targets for name, targets in graph.items() if package_of(name) == package})


def room_of(modules: Modules, name: str) -> str:
    """The room of a module: a folder below a package, or the package for modules directly in it."""
    room = ".".join(name.split(".")[:2])
    in_folder = name != room or modules[name].is_package
    return room if in_folder else package_of(name)


def room_imports(modules: Modules) -> dict[str, dict[str, list[str]]]:
    """Room → other rooms that it imports anywhere, with "module imports module" for each import."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name in modules:
        room = room_of(modules, name)
        for other in sorted(imports(modules, name, lazy=True)):
            if room_of(modules, other) != room:
                found[room][room_of(modules, other)].append(f"{name} imports {other}")
    return found


def forbidden_imports(modules: Modules, allowed: Mapping[str, Iterable[str]]) -> list[str]:
    """Imports between rooms that a table does not allow, and rooms that it does not name."""
    unknown = {room_of(modules, name) for name in modules} - allowed.keys()
    found = [f"{room} is not in the table" for room in sorted(unknown)]
    for room, others in room_imports(modules).items():
        for other in others.keys() - set(allowed.get(room, others)):
            found += others[other]
    return found


def _print_all(modules: Modules) -> None:
    sizes = body_sizes(modules).values()
    print(
        f"{len(sizes)} functions: median {statistics.median(sizes)}, p90 {p90(sizes):.0f}, longest {max(sizes)} lines"
    )
    for measure in (long_functions, wide_functions, full_folders):
        for place, size in measure(modules).items():
            print(f"{measure.__name__}: {size} {place}")
    for place, size in long_files(sources((*PACKAGES, "tests"))).items():
        print(f"long_files: {size} {place}")
    for package in PACKAGES:
        chain = chain_of(modules, package)
        print(f"chain of {len(chain)}: {' → '.join(chain)}")
    for room, others in sorted(room_imports(modules).items()):
        print(f"{room} imports {', '.join(sorted(others))}")


def _print_room(modules: Modules, room: str) -> None:
    for other, why in sorted(room_imports(modules)[room].items()):
        print(other, *why, sep="\n    ")


if __name__ == "__main__":
    if sys.argv[1:]:
        _print_room(read(PACKAGES), sys.argv[1])
    else:
        _print_all(read(PACKAGES))
