"""What the local backend's owner decides, seen in its judgement of documents."""

from pathlib import Path

import pytest

from app.backends.local_data import mapped
from app.backends.local_options import LocalOptions
from app.backends.local_rules import capabilities_of, judgement_of
from app.sweep.parsing import parse_document
from tests.served import document


def test_downloads_can_be_switched_off() -> None:
    """Then an address is refused with the setting's name, and the notes promise nothing."""
    body = document(
        "python a.py ${{inputs.d}}",
        {"x": {"type": "choice", "values": [1]}},
        inputs={"d": {"type": "uri_file", "path": "https://example.org/a.csv"}},
    )
    parsed = parse_document(body)
    assert judgement_of(parsed, LocalOptions()).errors == []
    off = LocalOptions(downloads=False)
    (error,) = judgement_of(parsed, off).errors
    assert error.pointer == "/inputs/d/path"
    assert "SWEEPFRONT_DOWNLOADS" in error.message
    assert not [note for note in capabilities_of(off, 2).notes if "http" in note]
    here = LocalOptions(downloads=False, data={"https://example.org/": Path(__file__).parent})
    (error,) = judgement_of(parsed, here).errors
    assert "SWEEPFRONT_DATA_MAPPINGS leads to" in error.message


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("azureml:d:1", "/data/d"),
        ("azureml:d:1/a/b.csv", "/data/d/a/b.csv"),
        ("azureml:d:12", None),
        ("azureml:d:1/../x", None),
        ("azureml:e:1", None),
        ("azureml://store/paths/a.csv", "/data/store/a.csv"),
        ("azureml://store/paths/deep/a.csv", "/data/deep/a.csv"),
    ],
)
def test_the_longest_beginning_that_is_whole_counts(path: str, found: str | None) -> None:
    """At a slash or at the end; nothing leads out of a mapped folder."""
    data = {
        "azureml:d:1": Path("/data/d"),
        "azureml://store/paths/": Path("/data/store"),
        "azureml://store/paths/deep/": Path("/data/deep"),
    }
    wanted = None if found is None else Path(found)
    assert mapped(path, LocalOptions(data=data)) == wanted
