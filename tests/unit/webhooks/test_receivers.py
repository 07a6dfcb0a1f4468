"""Who may be sent to."""

from ipaddress import ip_address

import httpx
import pytest

from app.addresses import RefusedError, is_public, lookup
from app.webhooks.receivers import Receivers, name_of

PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
NOT_PUBLIC = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "0.0.0.0", "100.64.0.1"),  # noqa: S104 - nothing is bound
    *("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
    *("192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b:1::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:168.63.129.16"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2001:0:7f00:1::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    """Whichever way they are written."""
    assert is_public(ip_address(address))
    url = httpx.URL("https://hooks.example")
    assert Receivers().permitted(url, [address]) == [address]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public(address: str) -> None:
    """Private, local, of a group, reserved, of a cloud's own services; also inside another."""
    assert not is_public(ip_address(address))
    with pytest.raises(RefusedError, match="SWEEPFRONT_WEBHOOK_ALLOWED_NETWORKS"):
        Receivers().permitted(httpx.URL("https://hooks.example"), [address])


def test_of_a_names_addresses_those_that_are_permitted_count() -> None:
    """A name that leads to several is sent to at the public ones only."""
    url = httpx.URL("https://hooks.example")
    assert Receivers().permitted(url, ["10.0.0.1", "8.8.8.8", "::1"]) == ["8.8.8.8"]


@pytest.mark.parametrize(
    ("allowed", "url", "addresses", "permitted"),
    [
        ("10.0.0.0/8", "https://a.example", ["10.1.2.3", "11.0.0.1"], ["10.1.2.3", "11.0.0.1"]),
        ("10.0.0.7/8", "https://a.example", ["10.1.2.3"], ["10.1.2.3"]),
        ("127.0.0.1", "https://a.example", ["127.0.0.1", "127.0.0.2"], ["127.0.0.1"]),
        ("127.0.0.0/8", "https://a.example", ["::ffff:127.0.0.1"], ["::ffff:127.0.0.1"]),
        ("fd00::/8", "https://a.example", ["fd12::1", "fe80::1"], ["fd12::1"]),
        ("Hooks.Intern", "https://hooks.intern.:8443/x", ["10.0.0.1"], ["10.0.0.1"]),
    ],
)
def test_the_settings_allow_more(
    allowed: str, url: str, addresses: list[str], permitted: list[str]
) -> None:
    """Networks, single addresses, names."""
    assert Receivers([allowed]).permitted(httpx.URL(url), addresses) == permitted


def test_another_name_is_not_the_one_that_is_allowed() -> None:
    """Nor is one that ends like it."""
    with pytest.raises(RefusedError):
        Receivers(["intern"]).permitted(httpx.URL("https://hooks.intern"), ["10.0.0.1"])


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "whole URL"),
        ("hooks.example.com", "whole URL"),
        ("https://", "whole URL"),
        ("ftp://hooks.example", "whole URL"),
        ("file:///etc/passwd", "whole URL"),
        ("https://a b", "whole URL"),
        ("https://a%00b", "whole URL"),
        (f"https://{'a' * 300}.b", "whole URL"),
        ("https://a\r\nX: y", "no URL"),
        ("https://[::1", "no URL"),
        ("https://-", "no URL|whole URL"),
        ("http://hooks.example", "https"),
        ("https://user:word@hooks.example", "password"),
        ("https://hooks.example:0", "port"),
        ("https://hooks.example:99999", "port"),
        (f"https://hooks.example/{'a' * 2000}", "2000"),
    ],
)
def test_urls_that_cannot_be_sent_to(url: str, word: str) -> None:
    """With the remedy."""
    with pytest.raises(RefusedError, match=word):
        Receivers().parse(url)


def test_urls_that_can_be_sent_to() -> None:
    """Names, addresses, names in other scripts; http where the settings allow it."""
    for url in ("https://hooks.example:8443/a?b=c", "https://8.8.8.8/", "https://[2606:4700::1]/"):
        assert str(Receivers().parse(url)) == url
    assert name_of(Receivers().parse("https://bücher.example/")) == "xn--bcher-kva.example"
    assert Receivers(http=True).parse("http://hooks.example").scheme == "http"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_every_spelling_of_an_address_is_looked_up(host: str) -> None:
    """As the system reads it, so that none leads past the check."""
    url = Receivers().parse(f"https://{host}/")
    found = lookup(name_of(url)).result(timeout=5)
    with pytest.raises(RefusedError, match="not public"):
        Receivers().permitted(url, found)


def test_a_name_without_an_address_is_told() -> None:
    """Names of the domain .invalid never have one."""
    with pytest.raises(RefusedError, match="has no address"):
        lookup("hooks.invalid").result(timeout=30)
