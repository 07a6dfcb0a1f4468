"""Signing in to the pages and to Swagger UI, in a browser, with a key and with Entra ID's way."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.visits import ready, settled
from tests.identity.conftest import entries, settings_of
from tests.identity.issuer import Issuer, issuing
from tests.served import Served, document, served

GRANTS = {"reader": {"*": "reader"}, "chief": {"*": "registrar"}}


@pytest.fixture(scope="module")
def closed(
    tmp_path_factory: pytest.TempPathFactory, scripts: Path
) -> Iterator[tuple[Served, dict[str, str], Issuer]]:
    """A service that asks who calls, with a finished sweep; keys; and an issuer of tokens."""
    folder = tmp_path_factory.mktemp("closed")
    keys, found = entries(GRANTS)
    with issuing(folder / "issuer") as (issuer, trusting):
        environment = trusting | settings_of(found)
        with served(folder / "data", code_root=scripts, environment=environment) as service:
            service.client.headers["X-API-Key"] = keys["chief"]
            body = document(
                "python quadratic.py --x ${{search_space.x}}",
                {"x": {"type": "choice", "values": [0.1, 0.2]}},
                code="job",
                sampling_algorithm="grid",
                limits={"max_total_trials": 2},
                name="signed",
            )
            service.submit(body)
            service.finished("signed")
            yield service, keys, issuer


def address_of(service: Served) -> str:
    """Where a browser finds it."""
    return str(service.client.base_url).rstrip("/")


def sign_in(page: Page, key: str) -> None:
    """Fill the form in and send it."""
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_person_signs_in_with_a_key_and_out_again(
    open_page: OpenPage, closed: tuple[Served, dict[str, str], Issuer]
) -> None:
    """A wrong key is told; buttons are those of the role; after signing out nothing is shown."""
    service, keys, _ = closed
    page = open_page(service, "/docs", tolerated="401|Unauthorized")
    address = address_of(service)
    page.goto(f"{address}/dashboard/sweeps/signed")
    expect(page).to_have_title(re.compile("Sign in"))
    violations = Axe().run(page).response["violations"]
    assert not [each["id"] for each in violations if each["impact"] in {"serious", "critical"}]
    sign_in(page, "sf_wrong_key")
    expect(page.get_by_role("alert")).to_contain_text("unknown")
    sign_in(page, keys["reader"])
    ready(page)
    expect(page).to_have_title(re.compile("signed"))
    expect(page.get_by_role("banner")).to_contain_text("reader")
    expect(page.get_by_role("button", name="Repeat")).to_be_visible()
    expect(page.get_by_role("button", name="Register model")).to_have_count(0)
    violations = Axe().run(page).response["violations"]
    assert not [each["id"] for each in violations if each["impact"] in {"serious", "critical"}]
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_title(re.compile("Sign in"))
    page.goto(f"{address}/dashboard/sweeps/signed")
    sign_in(page, keys["chief"])
    ready(page)
    expect(page.get_by_role("button", name="Register model")).to_be_visible()


def test_what_a_page_does_is_its_persons(
    open_page: OpenPage, closed: tuple[Served, dict[str, str], Issuer]
) -> None:
    """A registration by the page is in the audit log under the name of who signed in."""
    service, keys, _ = closed
    page = open_page(service, "/docs")
    page.goto(f"{address_of(service)}/dashboard/sweeps/signed")
    sign_in(page, keys["chief"])
    ready(page)
    settled(page)
    page.get_by_role("button", name="Register model").click()
    page.get_by_role("dialog").get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_text("final_model version 1 registered")).to_be_visible()
    newest = service.get("/v1/audit?action=model.register")["items"][0]
    assert (newest["actor"], newest["target"]) == ("chief", "final_model/1")


def test_swagger_ui_signs_in_with_a_key(
    open_page: OpenPage, closed: tuple[Served, dict[str, str], Issuer]
) -> None:
    """Authorize takes the key, and the calls that are tried out carry it."""
    service, keys, _ = closed
    page = open_page(service, "/docs", tolerated="401|Unauthorized")
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input[aria-label='auth-apiKey-value'], input").first.fill(keys["reader"])
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").first.click()
    tried_out(page, "reader")


def test_swagger_ui_and_the_pages_sign_in_with_entra_id(
    browser: Browser, closed: tuple[Served, dict[str, str], Issuer]
) -> None:
    """The code flow with PKCE, by the service for its pages, and by Swagger UI itself."""
    service, _, issuer = closed
    issuer.person = {"preferred_username": "ann@example.com", "roles": ["reader"]}
    with browser.new_context(ignore_https_errors=True) as window:
        page = window.new_page()
        page.goto(f"{address_of(service)}/dashboard/sweeps/signed")
        page.get_by_role("link", name="Sign in with Microsoft").click()
        ready(page)
        expect(page).to_have_title(re.compile("signed"))
        expect(page.get_by_role("banner")).to_contain_text("ann@example.com")
    with browser.new_context(ignore_https_errors=True) as window:
        page = window.new_page()
        page.goto(f"{address_of(service)}/docs")
        page.get_by_role("button", name="Authorize").first.click()
        flow = page.locator(".auth-container", has_text="authorizationCode")
        flow.locator(".scopes label").first.click()  # the box itself is hidden
        flow.get_by_role("button", name=re.compile("Authorize|Apply")).click()
        expect(flow.get_by_role("button", name="Remove authorization")).to_be_visible()
        page.locator(".dialog-ux").get_by_role("button", name="Close").first.click()
        tried_out(page, "ann@example.com")


def tried_out(page: Page, name: str) -> None:
    """Try GET /v1/me out; the answer names the caller."""
    page.locator("#operations-access-get_me").get_by_role("button").first.click()
    page.get_by_role("button", name="Execute").first.click()
    expect(page.locator("#operations-access-get_me .live-responses-table")).to_contain_text(
        f'"name": "{name}"'
    )
