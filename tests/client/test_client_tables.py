"""What a notebook shows of a sweep and its trials."""

import re
from html.parser import HTMLParser

from sweepfront import Client, SweepHandle
from sweepfront.tables import table
from tests.client.conftest import quadratic

NASTY = """<img src=x onerror=alert(1)>&"'</td>"""


class _Read(HTMLParser):
    """Which tags there are, with their attributes, and the text of the cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self.bold: list[str] = []
        self._is_bold = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in ("td", "th"):
            self.cells.append("")
            self._is_bold = "bold" in (dict(attrs).get("style") or "")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data
        if self._is_bold:
            self.bold.append(data)


def test_whatever_a_user_may_choose_is_escaped(client: Client) -> None:
    """Values, reasons and metrics' names are text, never markup."""
    body = quadratic(
        trial={"command": "python argv.py ${{search_space.x}}", "code": "job"},
        search_space={"x": {"type": "choice", "values": [NASTY, 2]}},
        objective={"primary_metric": f"loss {NASTY}", "goal": "minimize"},
    )
    handle = client.submit(body).wait(progress=False)
    shown = _Read(handle.trials()._repr_html_())
    assert NASTY in shown.cells
    assert f"loss {NASTY}" in shown.cells
    assert shown.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert shown.attributes == {"style"}
    summary = _Read(handle._repr_html_())
    assert f"minimize loss {NASTY}" in summary.cells
    assert summary.tags <= shown.tags


def test_a_finished_sweep_is_a_table_of_a_few_rows(finished: SweepHandle) -> None:
    """Where it stands, and the best trial with its parameters."""
    shown = _Read(finished._repr_html_())
    rows = dict(zip(shown.cells[::2], shown.cells[1::2], strict=True))
    assert rows["status"] == "completed"
    assert rows["trials"] == "5/5 trials ended; 5 completed, best 0.5 (trial 2)"
    assert rows["best x"] == "0.3"


def test_the_best_trial_stands_out(finished: SweepHandle) -> None:
    """A row for each trial, a column for each hyperparameter."""
    shown = _Read(finished.trials()._repr_html_())
    assert shown.cells[:5] == ["trial", "status", "loss", "seconds", "x"]
    assert len(shown.cells) == 5 * 6
    assert shown.bold[:3] == ["2", "completed", "0.5"]


def test_colours_are_those_of_the_notebook_and_nothing_is_loaded(finished: SweepHandle) -> None:
    """So that it is read in the dark, too, and offline."""
    for text in (finished._repr_html_(), finished.trials()._repr_html_()):
        assert not re.search(r"color|background|https?:|src|href|url\(", text)


def test_long_tables_and_values_are_cut() -> None:
    """With a word about what is left out."""
    text = table("many", ["a"], [["x" * 1000]] * 3, note="7 more")
    shown = _Read(text)
    assert [len(cell) for cell in shown.cells[1:3]] == [121, 121]
    assert text.endswith("<p>7 more</p>")
