"""The floors: imports go down, never up, never in circles, and each library has its room."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.unit.house.floors import FLOORS, HOMES, IN_TRIALS, LATE

ROOT = Path(__file__).parents[3]
PACKAGES = ("app", "sweepfront")


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text(encoding="utf-8"), str(path))


MODULES = dict(_modules())


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            assert node.level == 0, "imports are written in full"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in MODULES else base
        case _:
            return


def _imports(tree: ast.Module) -> set[str]:
    return {name for node in ast.walk(tree) for name in _names(node)}


def _room(module: str, rooms: set[str]) -> str:
    """The longest entry of the table that the module lies in."""
    found = [room for room in rooms if module == room or module.startswith(room + ".")]
    return max(found, key=len, default="")


def _top(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_imports_go_down_the_floors() -> None:
    """Each room imports only what its row of the table allows."""
    wrong = []
    for module, tree in MODULES.items():
        room = _room(module, set(FLOORS))
        if not room:
            assert module in {"app", "app.main", "app.__main__"}, f"{module} has no floor"
            continue
        for name in _imports(tree):
            if name.split(".")[0] not in PACKAGES:
                continue
            target = _room(name, set(FLOORS)) or name
            if target not in FLOORS[room] | {room}:
                wrong.append(f"{module} imports {name}")
    assert not wrong


def test_there_are_no_circles() -> None:
    """The modules can be put in an order in which each comes after what it imports."""
    graph = {m: {n for n in _imports(tree) if n in MODULES} for m, tree in MODULES.items()}
    TopologicalSorter(graph).prepare()


def test_each_library_has_its_room() -> None:
    """SQL lives in one room, HTTP in one, MLflow in one."""
    wrong = []
    for module, tree in MODULES.items():
        for name in _imports(tree):
            homes = HOMES.get(name.split(".")[0])
            if homes is not None and not _room(module, homes):
                wrong.append(f"{module} imports {name}")
    assert not wrong


def test_only_heavy_things_are_imported_late() -> None:
    """An import inside a function never breaks a circle."""
    wrong = []
    for module, tree in MODULES.items():
        top = {id(node) for node in tree.body}
        for node in ast.walk(tree):
            for name in _names(node):
                late = id(node) not in top
                if late and name.split(".")[0] not in LATE and _top(name) not in LATE:
                    wrong.append(f"{module} imports {name} in a function")
    assert not wrong


def test_heavy_libraries_are_never_imported_at_the_top() -> None:
    """The service answers quickly because these wait for their first use."""
    heavy = {"mlflow", "scipy", "sklearn", "pandas", "azure"}
    wrong = [
        f"{module} imports {name} at its top"
        for module, tree in MODULES.items()
        if module not in IN_TRIALS
        for node in tree.body
        for name in _names(node)
        if name.split(".")[0] in heavy
    ]
    assert not wrong


def test_the_trial_code_and_the_service_never_meet() -> None:
    """trial_code runs on other machines, without us."""
    siblings = {path.stem for path in (ROOT / "trial_code").glob("*.py")}
    for path in (ROOT / "trial_code").glob("*.py"):
        names = _imports(ast.parse(path.read_text(encoding="utf-8")))
        assert not {name for name in names if name.split(".")[0] == "app"}, path
    for module, tree in MODULES.items():
        tops = {name.split(".")[0] for name in _imports(tree)}
        assert not tops & (siblings | {"trial_code"}), module


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "common", "misc"])
def test_no_room_is_named_after_nothing(word: str) -> None:
    """A folder or file says what it is about."""
    assert not [module for module in MODULES if word in module.split(".")[-1]]


def test_the_table_matches_the_house() -> None:
    """Every row of the table is a room that exists, so that the table cannot go stale."""
    rooms: dict[str, int] = defaultdict(int)
    for module in MODULES:
        rooms[_room(module, set(FLOORS))] += 1
    assert not set(FLOORS) - set(rooms)
