"""The walk through the pages that a person takes with a first sweep, by roles and names."""

import hashlib
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.served import Served

FINISHED_MS = 120_000
_PARALLEL = """element => {
    const chart = getElement(Number(element.id.slice(1))).chart;
    const {left, right, top, bottom} = chart.getOption().parallel[0];
    return [left, chart.getWidth() - right, top, chart.getHeight() - bottom];
}"""


class Walk:
    """One person's way through the pages of a service; each step looks at what it leads to."""

    def __init__(self, page: Page, service: Served, folder: Path) -> None:
        """Begin on the empty list; pictures of the way are kept in the folder."""
        self.page = page
        self._service = service
        self._folder = folder
        self._pictures = 0

    def see_that_there_is_nothing_yet(self) -> None:
        """The empty list shows how a first sweep comes to be: button, editor, command."""
        expect(self.page.get_by_role("heading", name="No sweeps yet")).to_be_visible()
        link = self.page.get_by_role("link", name="Write a document")
        expect(link).to_have_attribute("href", "/dashboard/new")
        address = f"curl -s http://127.0.0.1:{self._service.port}/v1/sweeps"
        expect(self.page.get_by_text(address)).to_be_visible()
        self.picture("empty")

    def submit_the_example(self) -> str:
        """Press the button of the empty list; the answer is the sweep's name."""
        self.page.get_by_role("button", name="Run the example").click()
        self.page.wait_for_url(re.compile("/dashboard/sweeps/"))
        name = self.page.url.rsplit("/", 1)[1]
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)
        expect(self.page).to_have_title(f"{name} - Sweepfront")
        return name

    def write_a_document(self, document: str) -> str:
        """Write YAML in the editor, have it judged, submit it; the answer is the sweep's name."""
        self.page.get_by_role("link", name="New sweep").click()
        editor = self.page.get_by_role("textbox", name="Sweep document")
        editor.click()
        editor.press("Control+A")
        editor.press("Delete")
        self.page.keyboard.insert_text("trial: {}")
        expect(self.page.get_by_role("status")).to_contain_text(re.compile("fault"))
        expect(self.page.get_by_role("button", name="Submit")).to_be_disabled()
        editor.press("Control+A")
        self.page.keyboard.insert_text(document)
        expect(self.page.get_by_role("status")).to_contain_text("No faults")
        expect(self.page.get_by_role("table", name="First trials")).to_be_visible()
        self.picture("written")
        self.page.get_by_role("button", name="Submit").click()
        self.page.wait_for_url(re.compile("/dashboard/sweeps/"))
        return self.page.url.rsplit("/", 1)[1]

    def compare(self, *names: str) -> None:
        """Choose sweeps by typing their names; charts and table show them, the address names them."""
        self.page.get_by_role("link", name="Compare").click()
        choice = self.page.get_by_role("combobox", name="Sweeps to compare")
        for name in names:
            choice.click()
            choice.press_sequentially(name)
            self.page.get_by_role("option", name=name).click()
        choice.press("Escape")
        expect(self.page).to_have_url(re.compile(r"/compare\?sweeps=" + "(,|%2C)".join(names)))
        table = self.page.get_by_role("table", name="Sweeps compared")
        for name in names:
            expect(table.get_by_role("columnheader", name=name)).to_be_visible()
        for over in ("trials", "seconds"):
            chart = self.page.get_by_role("img", name=re.compile(f"Best value over {over}"))
            expect(chart).to_have_accessible_name(re.compile(".*".join(names)))
        self.picture("compared")

    def watch_it_finish(self, trials: int) -> None:
        """Stay on the page until it says that all is over; nothing is reloaded."""
        status = self.page.get_by_role("status").filter(has_text="trials ended")
        ended = re.compile(f"{trials} of {trials} trials ended")
        expect(status).to_have_text(ended, timeout=FINISHED_MS)
        expect(self.page.get_by_text("completed", exact=True).first).to_be_visible()
        expect(self.trial_links()).to_have_count(trials)
        self.picture("finished")

    def trial_links(self) -> Locator:
        """The rows of the table of trials, by their links."""
        return self.page.get_by_role("gridcell").get_by_role("link", name=re.compile("^Trial "))

    def brush(self) -> None:
        """Drag over the better half of the objective's axis: the table keeps these trials only."""
        chart = self.page.get_by_label("Parallel coordinates").first
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box is not None
        left, right, top, bottom = chart.evaluate(_PARALLEL)
        x, y = box["x"] + right, box["y"]
        before = self.trial_links().count()
        self._drag(x, y + (top + bottom) / 2, y + bottom + 2)
        expect(self.trial_links()).not_to_have_count(before)
        assert 0 < self.trial_links().count() < before
        expect(
            self.page.get_by_role("link", name=re.compile(r"^Trial \d+, the best$"))
        ).to_be_visible()
        self.picture("brushed")
        self.page.mouse.click(x, y + (top + bottom) / 2 - 10)
        expect(self.trial_links()).to_have_count(before)
        assert left < right

    def open_the_best_trial(self) -> None:
        """Follow its link in the table: parameters, curves, log and artifacts are there."""
        self.page.get_by_role("link", name=re.compile(r"^Trial \d+, the best$")).click()
        self.page.wait_for_url(re.compile(r"/trials/\d+$"))
        number = self.page.url.rsplit("/", 1)[1]
        expect(self.page.get_by_role("heading", level=1)).to_have_text(f"Trial {number}")
        expect(self.page.get_by_role("definition").filter(has_text="the best")).to_be_visible()
        expect(self.page.get_by_role("heading", name="sqrt_mse")).to_be_visible()
        expect(self.page.get_by_role("log")).to_contain_text("sqrt_mse")
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name="model.pkl").click()
        assert Path(download.value.path()).stat().st_size > 1000
        self.picture("trial")

    def read_a_decision(self, name: str, number: int, words: str, *, ledger: bool) -> None:
        """On the page of a stopped trial: why it was stopped and, here, each judgement."""
        self.page.get_by_role("link", name=f"Trial {number}", exact=True).click()
        self.page.wait_for_url(re.compile(f"/sweeps/{name}/trials/{number}$"))
        expect(self.page.get_by_role("status")).to_contain_text(re.compile(words))
        if ledger:
            table = self.page.get_by_role("table", name="Decisions of early termination")
            expect(table.get_by_role("row").filter(has_text="stop").first).to_be_visible()
        self.picture("decision")

    def register(self, name: str) -> None:
        """Ask on the sweep's page for the best model to be registered, and confirm."""
        self.page.get_by_role("link", name=name).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)
        self.page.get_by_role("button", name="Register model").click()
        question = self.page.get_by_role("dialog", name="Register this model?")
        question.get_by_role("button", name="Register", exact=True).click()
        expect(self.page.get_by_text("final_model version 1 registered.")).to_be_visible()

    def picture(self, name: str) -> None:
        """Keep how the page looks now."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._pictures += 1
        self.page.screenshot(path=self._folder / f"{self._pictures}-{name}.png")

    def download_the_model(self) -> None:
        """From the page of models; its content is what was registered."""
        self.page.get_by_role("link", name="Models", exact=True).click()
        self.page.get_by_role("link", name="final_model").click()
        expect(self.page.get_by_role("table", name="Versions of final_model")).to_be_visible()
        self.picture("model")
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name="Download version 1").click()
        content = Path(download.value.path()).read_bytes()
        version = self._service.get("/v1/models/final_model/versions/1")
        assert hashlib.sha256(content).hexdigest() == version["sha256"]

    def _drag(self, x: float, start: float, end: float) -> None:
        self.page.mouse.move(x, start)
        self.page.mouse.down()
        self.page.mouse.move(x, (start + end) / 2, steps=4)
        self.page.mouse.move(x, end, steps=4)
        self.page.mouse.up()
