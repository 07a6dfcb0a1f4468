"""Every page that there is: what has to hold of all of them is tested of each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PageAddress:
    """A page by its path and query, below the service's root, and its title."""

    path: str
    title: str

    def __str__(self) -> str:
        """How pytest names it."""
        return self.path.split("?")[0].strip("/").replace("/", "-")


PAGES = tuple(
    PageAddress(f"/dashboard/{path}", f"{title} - Sweepfront")
    for path, title in {
        "?search=listed-": "Sweeps",
        "sweeps/listed-good": "listed-good",
        "sweeps/listed-bad": "listed-bad",
        "sweeps/listed-stopped": "listed-stopped",
        "sweeps/listed-good/trials/0": "Trial 0 of listed-good",
        "sweeps/listed-bad/trials/0": "Trial 0 of listed-bad",
        "sweeps/listed-stopped/trials/1": "Trial 1 of listed-stopped",
        "compare?sweeps=listed-good,listed-stopped": "Compare",
        "models": "Models",
        "models/listed-model": "listed-model",
        "new": "New sweep",
    }.items()
)
"""Of the fixture `listed`."""
DOCS = PageAddress("/docs", "Sweepfront")
