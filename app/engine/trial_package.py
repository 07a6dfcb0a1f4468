"""The trial's side of the tracking as a small package of its own, for foreign environments.

A trial that runs in its own environment has none of the service's packages. It gets a copy of the
modules that its process needs, under a name that no script uses, with the entry point through
which MLflow finds them.
"""

import ast
import hashlib
import re
from pathlib import Path

_HERE = Path(__file__).parent
_FIRST = "trial_plugin"
_PACKAGE = "sweepfront_trial"
_OURS = re.compile(r"\bapp\.engine\b")


def digest() -> str:
    """SHA-256 (hex) of what would be installed."""
    total = hashlib.sha256()
    for name, text in sorted(_modules().items()):
        total.update(f"{name}\0{text}\0".encode())
    return total.hexdigest()


def install(site_packages: Path) -> None:
    """Write the package, and what MLflow finds it by, into an environment."""
    package = site_packages / _PACKAGE
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    for name, text in _modules().items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    about = site_packages / f"{_PACKAGE}-1.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {_PACKAGE}\nVersion: 1\n", encoding="utf-8"
    )
    (about / "entry_points.txt").write_text(
        f"[mlflow.tracking_store]\nsweepfront = {_PACKAGE}.{_FIRST}:open_store\n", encoding="utf-8"
    )


def _modules() -> dict[str, str]:
    """The text of the first module and of all of ours that it imports, under their new name."""
    found: dict[str, str] = {}
    waiting = [_FIRST]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        text = (_HERE / f"{name}.py").read_text(encoding="utf-8")
        found[name] = _OURS.sub(_PACKAGE, text)
        waiting += [
            str(node.module).removeprefix("app.engine.")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app.engine.")
        ]
    return found
