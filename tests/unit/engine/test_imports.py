"""What is read of a script's imports."""

from pathlib import Path

import pytest

from app.engine.imports import imports_of

FILES = {
    "main.py": "import numpy as np, sys\nfrom sklearn import svm\nimport near\nif np: import late\n",
    "near.py": "from near_too import x\nfrom xml.dom.minidom import parse\nimport near\n",
    "near_too/__init__.py": "import json\n",
    "jobs/other.py": "from . import near\nimport near, csv\nfrom math import *\n",
    "setting.py": "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras\n",
    "using.py": "import setting, csv\n",
    "broken.py": "import csv\nthis is no Python",
    "shadow.py": "import data, csv\n",
    "data/rows.csv": "1",
}
CASES = {
    "python main.py --x ${{search_space.x}}": [
        "numpy",
        "sys",
        "sklearn",
        "sklearn.svm",
        "xml.dom.minidom",
        "xml.dom.minidom.parse",
        "json",
    ],
    "cd jobs && python3 jobs/other.py": ["near", "csv", "math"],
    "python setting.py": [],
    "python using.py": [],
    "python broken.py": [],
    "python shadow.py": ["csv"],
    "python missing.py": [],
    "bash main.sh": [],
    "python -m main": [],
}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of scripts."""
    folder = tmp_path_factory.mktemp("code")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(("command", "names"), CASES.items(), ids=CASES)
def test_a_command_tells_what_its_script_imports(
    code: Path, command: str, names: list[str]
) -> None:
    """Top imports of the script and of its neighbours; nothing of the folder itself."""
    assert list(imports_of(command, code)) == names


def test_without_code_there_is_nothing_to_read() -> None:
    """A command may have no folder."""
    assert imports_of("python main.py", None) == ()
