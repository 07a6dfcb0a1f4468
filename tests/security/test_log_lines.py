"""The log for people: what others wrote neither makes lines of its own nor moves the cursor."""

import json
import subprocess
import sys

import pytest

from tests.security.hostile import LOG
from tests.served import ROOT

PROGRAM = """
import json, logging, sys
from app.watching import logs
logs.configure("info", "pretty")
text = json.loads(sys.argv[1])
logging.getLogger("app").warning("sweep %s: %s", "a", text, extra={"sweep": text})
try:
    raise RuntimeError(text)
except RuntimeError:
    logging.getLogger("app").exception("looking failed")
"""


@pytest.mark.parametrize("text", LOG)
def test_a_line_for_people_holds_no_control_characters(text: str) -> None:
    """They are written out; only a traceback has several lines, each of which is set in."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(text)],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=True,
    )
    said = done.stderr.decode()
    lines = said.split("\n")
    assert "[warning" in lines[0]
    assert "[error" in lines[1]
    assert "forged" in lines[0]
    assert all(letter.isprintable() for letter in said if letter != "\n"), said
    assert all(line.startswith("  ") for line in lines[2:] if line), said
