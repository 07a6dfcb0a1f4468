"""From a document and a trial's parameters to the program, environment and folder of a process."""

from collections.abc import Mapping

from app.engine.launcher import Launch
from app.engine.workspace import TrialFolder
from app.sweep import command as commands
from app.sweep.record import Submission
from app.sweep.state import Trial
from app.sweep.trial_command import trial_command


def launch_of(
    submission: Submission,
    trial: Trial,
    folder: TrialFolder,
    *,
    token: str,
    tracking: Mapping[str, str],
) -> Launch:
    """What to start for this trial.

    Args:
        submission: the sweep.
        trial: its parameters fill the command's placeholders.
        folder: where it runs.
        token: identifies this attempt to the launcher and to the engine.
        tracking: the MLflow variables of its run.

    Raises:
        CommandError: the command cannot be rendered with these values.
        OSError: the sweep's own Python is gone.
    """
    python = submission.python
    if python is not None and not python.is_file():
        raise FileNotFoundError(
            f"the environment of this sweep is gone ({python}); submit the sweep anew to have it "
            "built again"
        )

    def output(name: str) -> str:
        path = folder.code / "outputs" / name
        path.mkdir(parents=True, exist_ok=True)
        return str(path)

    document = submission.document
    inputs = {name: str(path) for name, path in submission.inputs.items()}
    command = trial_command(document, trial.parameters, inputs=inputs, output=output)
    return Launch(
        token=token,
        words=command.words,
        # A text whose values were judged; nothing is started here.
        shell=command.shell,  # nosec B604
        python=python,
        cwd=folder.code,
        env={
            "PYTHONUNBUFFERED": "1",
            **({"VIRTUAL_ENV": str(python.parents[1])} if python is not None else {}),
            **document.trial.environment_variables,
            **commands.environment_of(trial.parameters),
            **tracking,
        },
        stdout=folder.log("stdout"),
        stderr=folder.log("stderr"),
    )
