"""A trial's own command: the document's template with this trial's values filled in."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.sweep import command as commands
from app.sweep.branches import branch_values
from app.sweep.data import DataInput
from app.sweep.document import SweepDocument
from app.sweep.state import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCommand:
    """What is run: an argument vector, or a text for bash; the other one is empty or None."""

    words: tuple[str, ...] = ()
    shell: str | None = None

    @property
    def line(self) -> str:
        """The command as a person would type it."""
        return shlex.join(self.words) if self.shell is None else self.shell


def trial_command(
    document: SweepDocument,
    parameters: Parameters,
    *,
    inputs: Mapping[str, str],
    output: Callable[[str], str],
) -> TrialCommand:
    """Fill the command's placeholders in.

    Args:
        document: has the template.
        parameters: the trial's active hyperparameters; the placeholder of any other is empty.
        inputs: the path of every data input.
        output: the path of an output, by its name.

    Raises:
        CommandError: a value may not enter a shell.
    """

    def value(placeholder: commands.Placeholder) -> str | None:
        name = placeholder.name
        if placeholder.group == "inputs":
            given = document.inputs[name]
            return inputs[name] if isinstance(given, DataInput) else commands.as_text(given)
        if placeholder.group == "outputs":
            return output(name)
        if name in parameters:
            return commands.as_text(parameters[name])
        branch = branch_values(document.search_space, name, parameters)
        return None if branch is None else json.dumps(branch)

    template = document.trial.command
    if commands.needs_shell(template):
        shell = commands.render_shell(template, value)
        # A text whose values were judged; nothing is started here.
        return TrialCommand(shell=shell)  # nosec B604
    return TrialCommand(words=tuple(commands.render_words(template, value)))
