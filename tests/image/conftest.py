"""The image, built once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image import tools
from tests.image.building import Builder, Image, run


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The built image; its gigabytes go with the session."""
    if reason := tools.missing():
        if tools.required():
            pytest.fail(f"SWEEPFRONT_IMAGE=required, and {reason}")
        pytest.skip(f"{reason}: `make image` arranges for what is needed")
    folder = Path(tempfile.mkdtemp(prefix="sweepfront-image-"))
    try:
        yield Builder(folder).build()
    finally:
        run(["rm", "-rf", str(folder)])
