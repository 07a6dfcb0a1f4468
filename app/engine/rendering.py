"""From a document and a trial's parameters to the program, environment and folder of a process."""

import json
from collections.abc import Mapping
from pathlib import Path

from app.engine.launcher import Launch
from app.engine.workspace import TrialFolder
from app.search.draw import branch_values
from app.sweep import command as commands
from app.sweep.document import DataInput
from app.sweep.record import Submission
from app.sweep.state import Trial


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
    """
    template = submission.document.trial

    def value(placeholder: commands.Placeholder) -> str | None:
        return _value(placeholder, submission, trial, folder)

    shell = commands.needs_shell(template.command)
    return Launch(
        token=token,
        words=() if shell else tuple(commands.render_words(template.command, value)),
        shell=commands.render_shell(template.command, value) if shell else None,
        cwd=folder.code,
        env={
            "PYTHONUNBUFFERED": "1",
            **template.environment_variables,
            **commands.environment_of(trial.parameters),
            **tracking,
        },
        stdout=folder.log("stdout"),
        stderr=folder.log("stderr"),
    )


def _value(
    placeholder: commands.Placeholder, submission: Submission, trial: Trial, folder: TrialFolder
) -> str | None:
    name = placeholder.name
    if placeholder.group == "inputs":
        given = submission.document.inputs[name]
        return (
            str(submission.inputs[name])
            if isinstance(given, DataInput)
            else commands.as_text(given)
        )
    if placeholder.group == "outputs":
        return str(_output(folder, name))
    if name in trial.parameters:
        return commands.as_text(trial.parameters[name])
    branch = branch_values(submission.document.search_space, name, trial.parameters)
    return None if branch is None else json.dumps(branch)


def _output(folder: TrialFolder, name: str) -> Path:
    path = folder.code / "outputs" / name
    path.mkdir(parents=True, exist_ok=True)
    return path
