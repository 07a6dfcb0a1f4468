"""The data transformer: both aggregates become one feature, then everything is standardised.

Models pickled with it are loaded wherever this folder is on the path.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

RAW_COLUMNS = (
    "cement",
    "blast_furnace_slag",
    "fly_ash",
    "water",
    "superplasticizer",
    "coarse_aggregate",
    "fine_aggregate",
    "age",
)
"""The eight features in the order of concrete.csv."""
_COARSE = RAW_COLUMNS.index("coarse_aggregate")
_FINE = RAW_COLUMNS.index("fine_aggregate")


class CombinedAggregateAdder(TransformerMixin, BaseEstimator):
    """Replaces coarse and fine aggregate by their sum, the last of seven columns."""

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:  # noqa: ARG002, N803 - scikit-learn's names
        """Check the columns; there is nothing to learn."""
        _raw(X)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803 - scikit-learn's name
        """Turn n rows of the eight raw columns, array or DataFrame, into n rows of seven."""
        raw = _raw(X)
        total = raw[:, _COARSE] + raw[:, _FINE]
        return np.column_stack([np.delete(raw, (_COARSE, _FINE), axis=1), total])

    def get_feature_names_out(self, _input_features: Any = None) -> NDArray[np.object_]:  # noqa: ANN401 - scikit-learn's signature
        """The names of the seven columns."""
        kept = [name for name in RAW_COLUMNS if not name.endswith("_aggregate")]
        return np.array([*kept, "aggregate"], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def build_data_transformer() -> Pipeline:
    """An unfitted transformer."""
    return Pipeline([("aggregates", CombinedAggregateAdder()), ("scaler", StandardScaler())])


def _raw(features: ArrayLike) -> NDArray[np.float64]:
    raw = np.asarray(features, dtype=np.float64)
    if raw.ndim != 2 or raw.shape[1] != len(RAW_COLUMNS):  # noqa: PLR2004 - rows and columns
        raise ValueError(
            f"expected rows of the {len(RAW_COLUMNS)} columns {', '.join(RAW_COLUMNS)}; "
            f"got an array of shape {raw.shape}"
        )
    return raw
