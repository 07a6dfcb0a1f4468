"""Texts that somebody hopes will be taken for code, and sweeps that carry them everywhere."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.served import Json, document

HTML = (
    "<img src=x onerror=window.__pwned=1>",
    "</script><script>window.__pwned=2</script>",
    "<svg/onload=window.__pwned=3>",
    "{{constructor.constructor('window.__pwned=4')()}}",
    "\"' onmouseover=window.__pwned=5 autofocus onfocus=window.__pwned=5 x='",
    "javascript:window.__pwned=6",
    '[a](javascript:window.__pwned=7) ![b](x"onerror=window.__pwned=7)',
    "</textarea></title><iframe srcdoc='<script>parent.__pwned=8</script>'>",
)
SQL = (
    "'; DROP TABLE sweeps;--",
    "' OR '1'='1",
    '"; DELETE FROM trials WHERE "1"="1',
    "%' UNION SELECT key FROM signing_keys --",
    "x\\'); DROP TABLE events;--",
    "%s %(name)s :name ? {0} ${name}",
)
LOG = (
    '\r\n{"event": "forged", "level": "critical"}',
    "\n2026-01-01 00:00:00 CRITICAL app: forged",
    "\x1b[2J\x1b[1;31mforged\x1b]0;forged\x07",
    "\u2028forged\u2029forged\x85forged",
    "\u202eforged",
)


def shell(mark: Path) -> tuple[str, ...]:
    """Texts that make the file `mark` if any shell reads them."""
    touch = f"touch {mark}"
    return (
        f"$({touch})",
        f"`{touch}`",
        f"; {touch} #",
        f"\n{touch}\n",
        f"&& {touch}",
        f"| {touch}",
        f"> {mark}",
        f"'; {touch}; '",
        f'"; {touch}; "',
        f"'\"'\"; {touch}; #",
        f"\\'; {touch}; #",
        f"${{IFS}}; {touch}",
        f"$'\\x3b'{touch}",
        f"--help\n$({touch})",
    )


def texts(mark: Path) -> tuple[str, ...]:
    """All of them."""
    return (*shell(mark), *SQL, *LOG, *HTML)


SCRIPT = r"""
import json, pathlib, sys, mlflow
texts = json.loads(pathlib.Path("texts.json").read_text())
json.dump(sys.argv[1:], open("outputs/argv.json", "w"))
print("\n".join(texts), flush=True)
print("\n".join(texts), file=sys.stderr, flush=True)
for text in (*texts[:1], *texts[14:15], *texts[20:22], *texts[25:29]):
    name = text.replace("/", "_")[:80]
    for call in (
        lambda: mlflow.log_metric(text[:200], 1.0),
        lambda: mlflow.log_param(text[:200], text),
        lambda: mlflow.set_tag(text[:200], text),
        lambda: (pathlib.Path("outputs") / name).write_text(text),
        lambda: mlflow.log_text(text, f"{name}.html"),
    ):
        try:
            call()
        except Exception as error:
            print("refused:", type(error).__name__)
mlflow.log_metric("loss", 1.0)
pathlib.Path("outputs/model.pkl").write_text("<script>window.__pwned=9</script>")
if "--fail" in sys.argv:
    raise RuntimeError(texts[-1] + texts[0])
"""


def write_code(folder: Path, mark: Path) -> None:
    """The folder `hostile` of a code root, with a script that says these texts wherever it can."""
    (folder / "hostile").mkdir(exist_ok=True)
    (folder / "hostile" / "run.py").write_text(SCRIPT)
    (folder / "hostile" / "texts.json").write_text(json.dumps(texts(mark)))


def sweep(name: str, mark: Path, *more: str) -> Json:
    """A sweep of a trial or two whose values, inputs, tags and names are such texts."""
    all_texts = texts(mark)
    words = " ".join(["python run.py ${{search_space.x}} 'a ${{inputs.text}} b'", *more])
    body = document(
        words,
        {"x": {"type": "choice", "values": [all_texts[0], HTML[0]]}},
        code="hostile",
        sampling_algorithm="grid",
        inputs={"text": all_texts[7]},
        limits={"max_total_trials": 1 if more else 2, "max_concurrent_trials": 2},
        name=name,
        experiment_name=HTML[0],
        display_name=HTML[1],
        description="\n".join(all_texts),
        tags={text: text for text in all_texts},
        properties={text: text for text in all_texts},
    )
    body["trial"]["environment_variables"] = {f"HOSTILE_{n}": t for n, t in enumerate(all_texts)}
    return body


def every_field() -> Json:
    """A document in which every field of text is set."""
    body = document(
        "python run.py ${{search_space.x}} ${{inputs.text}} ${{inputs.data}} ${{outputs.out}}",
        {"x": {"type": "choice", "values": ["a", "b"]}},
        code="hostile",
        inputs={"text": "a", "data": {"type": "uri_folder", "path": "hostile", "mode": "ro_mount"}},
        outputs={"out": {"type": "uri_folder", "mode": "rw_mount"}},
        name="every-field",
        experiment_name="experiment",
        display_name="display",
        description="description",
        tags={"key": "value"},
        properties={"key": "value"},
        compute="azureml:cluster",
        constraints=["x != 'c'"],
        early_termination={"type": "bandit", "slack_factor": 0.1},
        resources={"instance_count": 1, "instance_type": "Standard_DS3_v2", "shm_size": "2g"},
        queue_settings={"job_tier": "standard"},
        identity={"type": "managed_identity", "client_id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12},
    )
    body["$schema"] = "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json"
    body["type"] = "sweep"
    body["backend"] = "local"
    body["trial"]["environment_variables"] = {"NAME": "value"}
    return body


Place = tuple[str | int, ...]


def places(value: object, place: Place = ()) -> Iterator[Place]:
    """Where a document holds text."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*place, index))


def with_text(body: Json, place: Place, text: str) -> Json:
    """The document with that text there."""
    changed = copy.deepcopy(body)
    at: Any = changed
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = text
    return changed


def with_key(body: Json, place: Place, text: str) -> Json:
    """The document with that text as the name of what stands there."""
    changed = copy.deepcopy(body)
    at: Any = changed
    for key in place[:-1]:
        at = at[key]
    if isinstance(at, dict):
        at[text] = at.pop(place[-1])
    return changed
