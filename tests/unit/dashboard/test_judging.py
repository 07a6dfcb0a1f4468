"""Faults of a document that is being written: each with its place, in the order of the lines."""

import pytest

from app.dashboard.judging import faults_of
from app.sweep.body import decode
from app.sweep.errors import ConflictError, StoreBusyError, SweepfrontError
from app.sweep.parsing import parse_document

TEXT = """\
name: taken
limits:
  max_total_trials: 0
objective: {primary_metric: loss, goal: small}
trial:
  comand: python a.py
sampling_algorithm: grid
search_space:
  x: {type: choice, values: [1, 2]}
"""


def _refused(text: str) -> SweepfrontError:
    """Why the text is no document."""
    with pytest.raises(SweepfrontError) as caught:
        parse_document(decode(text.encode(), "application/yaml"))
    return caught.value


def test_faults_stand_in_the_order_of_their_lines() -> None:
    """A missing key is where it should stand."""
    found = faults_of(_refused(TEXT), TEXT)
    assert [(fault.pointer, fault.line) for fault in found] == [
        ("/limits/max_total_trials", 3),
        ("/objective/goal", 4),
        ("/trial/command", 5),
        ("/trial/comand", 6),
    ]
    assert "did you mean 'command'?" in found[-1].message


def test_what_is_no_yaml_has_a_line_and_no_pointer() -> None:
    """There is nothing yet that a pointer could lead into."""
    text = "limits:\n  - a: [\n"
    (fault,) = faults_of(_refused(text), text)
    assert (fault.pointer, fault.line) == ("", 3)
    assert "not YAML" in fault.message


def test_a_taken_name_is_a_fault_of_the_name() -> None:
    """The remedy is to change that line."""
    (fault,) = faults_of(ConflictError("choose another name"), TEXT)
    assert (fault.pointer, fault.message, fault.line) == ("/name", "choose another name", 1)


def test_what_has_no_place_is_told_without_one() -> None:
    """Trouble of the service is none of the document."""
    (fault,) = faults_of(StoreBusyError("the disk is full"), TEXT)
    assert (fault.pointer, fault.message, fault.line) == ("", "the disk is full", None)
