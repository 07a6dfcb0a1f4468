"""Environments read without a machine: which lines are installed, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.requirements import Requirements, file_of, requirements_of, written_out

PYTHON = (3, 11)


def _read(*dependencies: Any) -> tuple[Requirements | None, list[str]]:  # noqa: ANN401 - as YAML has them
    found, faults = requirements_of(
        {"conda_file": {"name": "e", "channels": ["c"], "dependencies": list(dependencies)}},
        python=PYTHON,
    )
    return found, [fault.pointer for fault in faults]


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ("requirements.txt", "requirements.txt"),
        ("file:requirements.txt", "requirements.txt"),
        ("file:./env", "./env"),
        ("envs/conda.yaml", "envs/conda.yaml"),
        ("azureml:env:1", None),
        ("azureml:env.txt", None),
        ("env@latest", None),
        ({"conda_file": "conda.yml"}, "conda.yml"),
        ({"conda_file": {"dependencies": []}}, None),
        ({"image": "i"}, None),
        (None, None),
    ],
)
def test_a_file_is_told_from_a_name(environment: object, file: str | None) -> None:
    """By file: in front, or by how it ends."""
    assert file_of(environment) == file


def test_a_requirements_file_is_read_as_pip_reads_it() -> None:
    """Comments and blank lines go, continued lines are joined, options and fragments stay."""
    text = b"""# all of it
numpy >= 1.2 ; python_version > "3"   # why

--find-links https://example.org/simple
wheel @ https://example.org/w.whl#sha256=ab
pinned==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:11
Azureml_MLflow
"""
    found, faults = requirements_of(written_out("r.txt", text), python=PYTHON)
    assert faults == []
    assert found == Requirements(
        lines=(
            'numpy >= 1.2 ; python_version > "3"',
            "--find-links https://example.org/simple",
            "wheel @ https://example.org/w.whl#sha256=ab",
            "pinned==1.0 --hash=sha256:00 --hash=sha256:11",
        ),
        left_out=("azureml-mlflow",),
    )
    assert found.names == {"numpy", "wheel", "pinned"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"dependencies: [pip]\n", {"conda_file": {"dependencies": ["pip"]}}),
        (b"$schema: x\nimage: i\nconda_file: c.yml\n", {"image": "i", "conda_file": "c.yml"}),
    ],
)
def test_a_yaml_file_is_a_conda_file_or_an_environment(text: bytes, wanted: object) -> None:
    """Told apart by its dependencies."""
    assert written_out("e.yml", text) == wanted


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("", True),
        ("=3.11", True),
        ("==3.11.*", True),
        ("=3.11.4", True),
        (" 3.11", True),
        ("=3.11=h12debugvariant_0", True),
        ("=3", True),
        (">=3.9,<3.12", True),
        (">=3.9", True),
        ("<4", True),
        ("<=3.11", True),
        ("~=3.9", True),
        ("=3.12", False),
        ("=2", False),
        ("<3.11", False),
        (">3.11", False),
        ("!=3.11", False),
        ("=3.1", False),
        ("=newest", False),
    ],
)
def test_only_the_running_python_is_there(version: str, good: bool) -> None:  # noqa: FBT001 - a row of a table
    """By its minor version, with every form of a clause."""
    for name in ("python", "conda-forge::python"):
        _, faults = _read(f"{name}{version}", {"pip": ["a"]})
        assert (faults == []) is good


def test_what_only_conda_has_is_refused_at_its_place() -> None:
    """As are other files, and keys that nothing here reads."""
    _, faults = _read(
        "pip=23", "numpy=1.26", {"pip": ["a", "-e .", "-r x.txt", "../p"]}, 7, {"a": 1}
    )
    at = "/trial/environment/conda_file/dependencies"
    assert faults == [
        f"{at}/1",
        f"{at}/2/pip/1",
        f"{at}/2/pip/2",
        f"{at}/2/pip/3",
        f"{at}/3",
        f"{at}/4",
    ]
    conda = {"dependencies": [], "variables": {"A": "1"}}
    _, (fault,) = requirements_of({"conda_file": conda}, python=PYTHON)
    assert fault.pointer == "/trial/environment/conda_file/variables"
    assert "environment_variables" in fault.message
    wrongs: list[object] = [7, [], {}, {"dependencies": "pip"}]
    for wrong in wrongs:
        found, faults_of = requirements_of({"conda_file": wrong}, python=PYTHON)
        assert (found, len(faults_of)) == (None, 1)
    assert requirements_of({"image": "i"}, python=PYTHON) == (None, [])


@given(
    st.lists(st.text(max_size=30) | st.integers() | st.none(), max_size=5), st.text(max_size=200)
)
def test_whatever_is_written_is_read_or_refused(dependencies: list[object], text: str) -> None:
    """Never with an exception of another kind, and no line is empty."""
    requirements_of({"conda_file": {"dependencies": dependencies}}, python=PYTHON)
    found, _ = requirements_of(written_out("r.txt", text.encode(errors="replace")), python=PYTHON)
    assert found is not None
    assert all(line.strip() for line in found.lines)
