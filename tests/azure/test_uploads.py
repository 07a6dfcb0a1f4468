"""Uploads in inputs, and environments with their packages written out, through Azure's SDK."""

import io
import tarfile

from tests.azure.conftest import azure_document
from tests.served import Served

READS = """
import sys, mlflow
mlflow.log_metric("loss", float(open(sys.argv[1]).read()) + float(open(sys.argv[2] + "/two").read()))
"""


def _upload(service: Served, files: dict[str, str]) -> str:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    answer = service.client.post(
        "/v1/code", content=archive.getvalue(), headers={"Content-Type": "application/gzip"}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


def test_uploaded_code_and_data_reach_the_trials_on_azure(azure_service: Served) -> None:
    """A file and the whole folder of one upload; the packages of the environment inline."""
    data = _upload(azure_service, {"one": "1", "two": "2"})
    body = azure_document(
        "python reads.py ${{inputs.one}} ${{inputs.all}} ${{search_space.x}}",
        code=_upload(azure_service, {"reads.py": READS}),
        inputs={
            "one": {"type": "uri_file", "path": f"{data}/one"},
            "all": {"type": "uri_folder", "path": data},
        },
    )
    body["trial"]["environment"] = {
        "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        "conda_file": {"dependencies": ["python=3.11", {"pip": ["mlflow"]}]},
    }
    sweep = azure_service.finished(azure_service.submit(body)["name"], within=120)
    assert sweep["status"] == "completed", sweep
    assert sweep["best_trial"]["objective_value"] == 3.0
