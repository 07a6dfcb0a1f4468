"""The document: normal form, hash, what is filled in, and branches."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.advice import advise
from app.sweep.document import SweepDocument, expected_trials
from app.sweep.errors import InvalidDocumentError
from app.sweep.examples import SEED
from app.sweep.parsing import parse_document
from app.sweep.search_space import cardinality

Json = dict[str, Any]


def _seed(**changes: Any) -> Json:  # noqa: ANN401 - any value of a document
    return {**copy.deepcopy(SEED), **changes}


def _space(**expressions: Json) -> Json:
    command = "python x.py " + " ".join(f"${{{{search_space.{name}}}}}" for name in expressions)
    return _seed(search_space=expressions, trial={"command": command}, inputs={})


def test_the_normal_form_is_read_back_as_itself() -> None:
    """Normalising is idempotent, and the hash is that of the meaning."""
    document = parse_document(SEED)
    again = SweepDocument.stored(json.loads(json.dumps(document.normalized())))
    assert again == document
    assert again.digest() == document.digest()


def test_the_hash_ignores_the_name_and_nothing_else() -> None:
    """A name identifies a submission, not what is asked for; the order of the space counts."""
    plain = parse_document(SEED).digest()
    assert parse_document(_seed(name="a-name")).digest() == plain
    assert parse_document(_seed(description="other")).digest() != plain
    turned = dict(reversed(list(SEED["search_space"].items())))
    assert parse_document(_seed(search_space=turned)).digest() != plain
    assert parse_document(_seed(sampling_algorithm="random")).digest() != plain


def test_a_grid_that_is_smaller_than_the_limit_ends_earlier() -> None:
    """Other samplers draw as many trials as they may."""
    space = {"x": {"type": "choice", "values": [1, 2, 3]}}
    for sampling, limit, expected in (("grid", 9, 3), ("grid", 2, 2), ("random", 9, 9)):
        body = _space(**space) | {
            "sampling_algorithm": sampling,
            "limits": {"max_total_trials": limit},
        }
        assert expected_trials(parse_document(body).normalized()) == expected


def test_what_is_left_open_is_filled_in() -> None:
    """Name, backend, concurrency and seed, so that the sweep can be repeated."""
    body = _seed(sampling_algorithm="random", limits={"max_total_trials": 9})
    document = parse_document(body).completed(
        name="n", backend="local", max_concurrent_trials=3, seed=11
    )
    stored = document.normalized()
    assert stored["name"] == "n"
    assert stored["backend"] == "local"
    assert stored["limits"] == {"max_total_trials": 9, "max_concurrent_trials": 3}
    assert stored["sampling_algorithm"] == {
        "type": "random",
        "seed": 11,
        "rule": "random",
        "logbase": "e",
    }


def test_what_was_filled_in_and_means_nothing_is_not_written_again() -> None:
    """A recorded sweep is repeated from what its author would write."""
    document = parse_document(_seed(name="a-name"))
    assert document.as_written() == SEED


def test_what_is_given_is_kept() -> None:
    """A seed and a concurrency of the author are not replaced."""
    document = parse_document(SEED).completed(
        name="n", backend="local", max_concurrent_trials=1, seed=11
    )
    assert document.limits.max_concurrent_trials == 4
    assert document.sampling_algorithm.seed == 42


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 2, 4", [1, 2, 4]),
        ("range(1, 5)", [1, 2, 3, 4]),
        ("range(3)", [0, 1, 2]),
        ("range(0, 10, 5)", [0, 5]),
        ("adam, sgd", ["adam", "sgd"]),
        ("0.1, 1e-3, true", [0.1, "1e-3", True]),
    ],
)
def test_textual_choices_become_lists(text: str, values: list[object]) -> None:
    """The documentation's forms."""
    document = parse_document(_space(x={"type": "choice", "values": text}))
    space: Any = document.normalized()["search_space"]
    assert space["x"]["values"] == values
    assert [type(v) for v in space["x"]["values"]] == [type(v) for v in values]


@pytest.mark.parametrize(
    ("space", "points"),
    [
        (SEED["search_space"], 120),
        ({"x": {"type": "randint", "upper": 7}}, 7),
        ({"x": {"type": "quniform", "min_value": 0, "max_value": 1, "q": 0.25}}, 5),
        ({"x": {"type": "choice", "values": [1, 1, 1.0, True]}}, 3),
        ({"x": {"type": "uniform", "min_value": 0, "max_value": 1}}, None),
        (
            {
                "m": {
                    "type": "choice",
                    "values": [
                        {"a": {"type": "choice", "values": [1, 2]}, "k": "first"},
                        {"b": {"type": "randint", "upper": 5}},
                    ],
                }
            },
            7,
        ),
    ],
)
def test_cardinality_counts_different_points(space: Json, points: int | None) -> None:
    """Finite spaces exactly, others not at all; branches add up."""
    body = _seed(search_space=space, trial={"command": "true"}, inputs={})
    assert cardinality(parse_document(body).search_space) == points


def test_names_may_not_clash_across_levels() -> None:
    """A branch's hyperparameter may not be called like one above it."""
    space = {
        "model": {
            "type": "choice",
            "values": [{"depth": {"type": "randint", "upper": 3}}, {"model": 1}],
        },
        "depth": {"type": "randint", "upper": 3},
    }
    with pytest.raises(InvalidDocumentError) as refused:
        parse_document(_seed(search_space=space, trial={"command": "true"}, inputs={}))
    assert {fault.pointer for fault in refused.value.errors} == {
        "/search_space/model/values/0/depth",
        "/search_space/model/values/1/model",
    }


NUMBERS = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=10)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=15,
)
KEYS = st.sampled_from([*SEED, "early_termination", "extra_limits", "outputs", "name", "x"])


@given(changes=st.dictionaries(KEYS, TREES, max_size=4))
def test_any_tree_is_either_a_document_or_refused_in_words(changes: Json) -> None:
    """Parsing never fails in another way, and every fault points at something."""
    try:
        document = parse_document(_seed(**changes))
    except InvalidDocumentError as refused:
        assert refused.errors
        for fault in refused.errors:
            assert fault.message
            assert fault.pointer == "" or fault.pointer.startswith("/")
    else:
        advise(document, cardinality(document.search_space))
        assert SweepDocument.stored(document.normalized()) == document
        nameless = document.model_copy(update={"name": None})
        assert SweepDocument.stored(document.as_written()) == nameless
