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


PAGES = (
    PageAddress("/dashboard/?search=listed-", "Sweeps - Sweepfront"),
    PageAddress("/dashboard/sweeps/listed-good", "listed-good - Sweepfront"),
    PageAddress("/dashboard/sweeps/listed-bad", "listed-bad - Sweepfront"),
    PageAddress("/dashboard/compare?sweeps=listed-good,listed-bad", "Compare - Sweepfront"),
    PageAddress("/dashboard/new", "New sweep - Sweepfront"),
)
DOCS = PageAddress("/docs", "Sweepfront")
