"""Section by section of the page, as people use it with their first sweep, on both backends."""

from pathlib import Path

from tests.browser.conftest import OpenPage
from tests.browser.walk import Walk
from tests.served import Served


def test_the_walk_of_a_first_sweep(
    open_page: OpenPage, empty_service: Served, artifacts: Path
) -> None:
    """Submit, watch, brush, open, register, download."""
    walk = Walk(open_page(empty_service), empty_service, artifacts)
    name = walk.submit_the_example()
    walk.watch_it_finish(4)
    walk.brush()
    walk.register(name)
