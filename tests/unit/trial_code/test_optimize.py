"""The trial script: what it logs, what it writes, and the faults it must not have."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optimize
import pandas as pd
import pytest
import train_baseline
from concrete_data import read_csv, split
from mlflow.tracking import MlflowClient
from scoring import rmse

TRIAL_CODE = Path(__file__).parents[3] / "trial_code"
CSV = TRIAL_CODE / "data" / "concrete.csv"
FEATURES, STRENGTHS = read_csv(CSV)
SPLIT = split(FEATURES, STRENGTHS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """One MLflow database for the module: a new one takes seconds to lay out."""
    address = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'm.db'}"
    mlflow.set_tracking_uri(address)
    return MlflowClient(address)


class Ran:
    """What one run of the script left behind."""

    def __init__(self, client: MlflowClient, run_id: str, folder: Path) -> None:
        run = client.get_run(run_id)
        self.params: dict[str, str] = run.data.params
        self.metrics: dict[str, float] = run.data.metrics
        history = client.get_metric_history(run_id, "sqrt_mse")
        self.sqrt_mse = [metric.value for metric in sorted(history, key=lambda m: m.step)]
        with (folder / "outputs" / "model.pkl").open("rb") as file:
            self.model: Any = pickle.load(file)


@pytest.fixture
def run(store: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a function
    """Run the script in an empty folder of its own."""
    count = 0

    def once(*arguments: str) -> Ran:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        monkeypatch.chdir(folder)
        with mlflow.start_run() as active:
            optimize.main(list(arguments))
        return Ran(store, active.info.run_id, folder)

    return once


def test_it_logs_five_running_means_and_the_held_out_error(run: Any) -> None:  # noqa: ANN401
    """One report a fold; parameters and the held-out error beside them; outputs/ is made."""
    ran = run("--data", str(CSV), "--base_estimator", "KNeighborsRegressor", "--n_estimators", "5")
    assert len(ran.sqrt_mse) == 5
    assert ran.metrics["held_out_rmse"] == rmse(SPLIT.test_y, ran.model.predict(SPLIT.test_X))
    assert ran.params == {
        "base_estimator": "KNeighborsRegressor",
        "n_estimators": "5",
        "max_samples": "1.0",
        "max_features": "1.0",
        "bootstrap": "True",
    }


def test_the_same_parameters_give_the_same_value_to_the_last_bit(run: Any) -> None:  # noqa: ANN401
    """Everything is seeded."""
    arguments = ["--data", str(CSV), "--base_estimator", "RandomForestRegressor"]
    first, second = (run(*arguments, "--n_estimators", "3") for _ in range(2))
    assert first.sqrt_mse == second.sqrt_mse
    assert first.metrics == second.metrics


def test_it_is_scored_on_rows_that_it_was_not_fitted_on(run: Any) -> None:  # noqa: ANN401
    """Forests know their training rows by heart: scored on those, sqrt_mse would be near 2.5."""
    ran = run("--data", str(CSV), "--base_estimator", "RandomForestRegressor")
    seen = rmse(SPLIT.train_y, ran.model.predict(SPLIT.train_X))
    assert seen < 3
    assert ran.sqrt_mse[-1] > 1.5 * seen
    assert abs(ran.sqrt_mse[-1] - ran.metrics["held_out_rmse"]) < 2


def test_the_reference_figures_hold(run: Any) -> None:  # noqa: ANN401
    """Held-out errors as measured independently: 11.03, 8.81 and 6.42 MPa."""
    expected = {"LinearRegression": 11.03, "KNeighborsRegressor": 8.81}
    for estimator, figure in expected.items():
        ran = run("--data", str(CSV), "--base_estimator", estimator, "--n_estimators", "25")
        assert ran.metrics["held_out_rmse"] == pytest.approx(figure, abs=0.15)
    ran = run(
        "--data", str(CSV), "--base_estimator", "RandomForestRegressor", "--n_estimators", "25"
    )
    assert ran.metrics["held_out_rmse"] == pytest.approx(6.42, abs=0.15)


def test_parameters_take_effect_because_it_fits_again(run: Any, tmp_path: Path) -> None:  # noqa: ANN401
    """A registered model is only a template: what is asked for is what was fitted."""
    train_baseline.main(["--data", str(CSV), "--output", str(tmp_path / "base")])
    base = tmp_path / "base"
    folders = [
        word
        for name in ("train_X", "train_y", "test_X", "test_y")
        for word in (f"--{name}", str(base / name))
    ]
    models = [
        "--data_transformer",
        str(base / "data_transformer.pkl"),
        "--model",
        str(base / "concrete_model.pkl"),
    ]
    asked = ["--base_estimator", "KNeighborsRegressor", "--n_estimators", "7"]
    registered = run(*folders, *models, *asked)
    assert len(registered.model[-1].estimators_) == 7
    assert type(registered.model[-1].estimators_[0]).__name__ == "KNeighborsRegressor"
    fresh = run("--data", str(CSV), *asked)
    assert registered.sqrt_mse == fresh.sqrt_mse
    assert registered.metrics == fresh.metrics
    without_test = run(*folders[:4], *asked)
    assert "held_out_rmse" not in without_test.metrics


@pytest.mark.parametrize(
    ("word", "meant"), [("0", False), ("1", True), ("False", False), ("true", True), ("no", False)]
)
def test_bootstrap_reads_booleans(run: Any, word: str, meant: bool) -> None:  # noqa: ANN401, FBT001 - a table
    """0 is false."""
    ran = run("--data", str(CSV), "--n_estimators", "2", "--bootstrap", word)
    assert ran.model[-1].bootstrap is meant
    assert ran.params["bootstrap"] == str(meant)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bootstrap", "maybe"], "neither 1 (true, yes) nor 0"),
        (["--base_estimator", "SVR"], "choose from"),
        (["--n_estimators", "0"], "not at least 1"),
        (["--max_samples", "0"], "not in (0, 1]"),
        (["--max_features", "nan"], "not in (0, 1]"),
        (["--train_X", "x"], "give either"),
        (["--test_X", "x"], "belong together"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is wrong, in the words of the command line."""
    with pytest.raises(SystemExit) as ended:
        optimize.main(["--data", str(CSV), *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err.replace("\n", " ")


def test_the_model_predicts_from_raw_columns_with_only_trial_code_on_the_path(
    run: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    """A fresh interpreter loads it and predicts from an array and from a DataFrame."""
    ran = run("--data", str(CSV), "--n_estimators", "2")
    script = (
        "import pickle, warnings; warnings.simplefilter('error')\n"
        "import pandas as pd\n"
        f"model = pickle.load(open({str(tmp_path / '1' / 'outputs' / 'model.pkl')!r}, 'rb'))\n"
        f"rows = pd.read_csv({str(CSV)!r}).iloc[:3, :8]\n"
        "print(*model.predict(rows), *model.predict(rows.to_numpy()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(TRIAL_CODE), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    figures = [float(word) for word in done.stdout.split()]
    assert figures[:3] == figures[3:] == pytest.approx(ran.model.predict(FEATURES[:3]))
    with pytest.raises(ValueError, match="8 columns"):
        ran.model.predict(pd.DataFrame(np.ones((1, 9))))
