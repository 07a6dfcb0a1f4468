"""Sizes that keep the house readable: two are held, the others are printed."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
MAX_FILE = 300
MAX_FUNCTION = 60


def _files() -> list[Path]:
    folders = ("app", "sweepfront", "trial_code", "tests", "benchmarks")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [*found, ROOT / "alembic" / "env.py"]


def _functions() -> Iterator[tuple[str, int, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", length, node


def test_no_file_is_longer_than_300_lines() -> None:
    """One subject a file."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}
    assert not {str(path): n for path, n in lengths.items() if n > MAX_FILE}


def test_no_function_is_longer_than_60_lines() -> None:
    """A function fits on a screen."""
    assert not {name: length for name, length, _ in _functions() if length > MAX_FUNCTION}


def test_the_other_figures_are_printed() -> None:
    """Medians and tails of the service, for whoever runs this with -s."""
    files = sorted(
        len(text.splitlines())
        for path in (ROOT / "app").rglob("*.py")
        if (text := path.read_text(encoding="utf-8")).strip()
    )
    functions = sorted(n for name, n, _ in _functions() if name.startswith("app/"))
    lines = [
        line.strip()
        for path in (ROOT / "app").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    comments = sum(line.startswith("#") or "  # " in line for line in lines)
    annotated = [
        node.returns is not None for name, _, node in _functions() if name.startswith("app/")
    ]
    print(
        f"\napp: {len(files)} files, median {statistics.median(files):.0f} lines, "
        f"p90 {files[int(0.9 * len(files))]}, longest {files[-1]} (held: {MAX_FILE}); "
        f"{len(functions)} functions, median {statistics.median(functions):.0f}, "
        f"p95 {functions[int(0.95 * len(functions))]}, longest {functions[-1]} "
        f"(held: {MAX_FUNCTION}); {1000 * comments / len(lines):.0f} comments per 1,000 lines; "
        f"{100 * sum(annotated) / len(annotated):.0f} % of functions annotated"
    )
    assert all(annotated)
