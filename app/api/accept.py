"""Which of several media types a request prefers (RFC 9110, section 12.5.1)."""

_WILDCARD = "*"


def preferred(accept: str, offers: tuple[str, ...]) -> str:
    """The offer that the Accept header wants most.

    Between equals the one that is named more exactly, then the one that is offered first, which
    is also the answer to a header that wants none of them.

    Args:
        accept: the header's value; empty: there was none.
        offers: media types, such as application/json.
    """
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    return max(offers, key=lambda offer: _wish(offer, ranges))


def _wish(offer: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """The quality of the most exact range that covers the offer, and how exact that is."""
    general = offer.partition("/")[0] + f"/{_WILDCARD}"
    names = (f"{_WILDCARD}/{_WILDCARD}", general, offer)
    found = [(names.index(name), quality) for name, quality in ranges if name in names]
    exactness, quality = max(found, default=(0, 0.0))
    return (quality, exactness) if quality else (0.0, 0)


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (word.strip().lower() for word in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, min(1.0, max(0.0, float(value)))
            except ValueError:
                return name, 0.0
    return name, 1.0
