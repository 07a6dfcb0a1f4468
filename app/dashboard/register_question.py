"""The question before a trial's model is registered: as what, which file, and on what condition."""

from nicegui import ui

from app.dashboard.question import Done, question
from app.parts import State
from app.services.register import RegisterRequest, register
from app.sweep.faults import read_body

_FIELDS = RegisterRequest.model_fields


def ask_register(parts: State, sweep: str, number: int | None, words: str, done: Done) -> None:
    """Ask, and register; a gate that refuses says what it compared, and the question stays.

    Args:
        parts: of the service.
        sweep: its name.
        number: the trial; None: the best one.
        words: what there is to say about the trial.
        done: called after the model was registered.
    """

    def promote() -> str:
        body = {"model_name": str(model.value).strip(), "artifact_path": str(file.value).strip()}
        gate = {"min_improvement": least.value or 0.0} if compare.value else None
        wanted = read_body(RegisterRequest, {**body, "trial": number, "gate": gate})
        version, fresh = register(parts.db, parts.backends, sweep, wanted)
        said = "registered" if fresh else "was registered before"
        return f"{version.model_name} version {version.version} {said}."

    meaning = f"Trial {number}, {words}, becomes the model's next version."
    with question("Register this model?", meaning, "Register", promote, done):
        model = ui.input("Model", value=_FIELDS["model_name"].default)
        file = ui.input("File", value=_FIELDS["artifact_path"].default)
        compare = ui.checkbox("Only if it compares well with the newest version")
        least = ui.number("Better by at least (0: no worse)", value=0, min=0)
        least.bind_visibility_from(compare, "value")
        for field in (model, file, least):
            field.props("outlined dense").style("width: 100%")
