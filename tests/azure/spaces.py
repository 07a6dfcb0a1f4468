"""Search spaces for hypothesis: every expression, constants of every kind, branches in branches."""

from typing import Any

from hypothesis import strategies as st

from tests.served import Json

NUMBERS = st.integers(-50, 50) | st.floats(-50, 50).map(lambda value: value + 1e-05)
POSITIVE = st.integers(1, 9) | st.floats(1e-06, 9)
CONSTANTS = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e9, 1e9)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
    | st.sampled_from(["3", "1e-05", "true", "null", "", "~"])
)
NAMES = st.from_regex(r"\A[a-z_][a-z0-9_]{0,5}\Z")


def _range(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    ends = st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] < pair[1])
    return st.tuples(ends, st.fixed_dictionaries({"type": st.just(kind), **more})).map(
        lambda drawn: {**drawn[1], "min_value": drawn[0][0], "max_value": drawn[0][1]}
    )


def _normal(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just(kind), "mu": NUMBERS, "sigma": POSITIVE, **more})


def _choice(values: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just("choice"), "values": values})


PLAIN = st.one_of(
    _choice(st.lists(CONSTANTS, min_size=1, max_size=4)),
    st.fixed_dictionaries({"type": st.just("randint"), "upper": st.integers(1, 2**53)}),
    *(_range(kind) for kind in ("uniform", "loguniform")),
    *(_range(kind, q=POSITIVE) for kind in ("quniform", "qloguniform")),
    *(_normal(kind) for kind in ("normal", "lognormal")),
    *(_normal(kind, q=POSITIVE) for kind in ("qnormal", "qlognormal")),
)


def _branches(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    branch = st.dictionaries(NAMES, inner | CONSTANTS, min_size=1, max_size=3)
    return _choice(st.lists(branch, min_size=1, max_size=3))


SPACES = st.dictionaries(
    NAMES, st.recursive(PLAIN, _branches, max_leaves=8), min_size=1, max_size=4
)
