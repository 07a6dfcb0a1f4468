"""What one trial runs.

Keys and forms are those of https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep.
"""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from app.sweep.cloud import Distribution, Resources
from app.sweep.command import as_text, modern
from app.sweep.environment import Environment
from app.sweep.part import Part
from app.sweep.search_space import Scalar


def _texts(values: object) -> object:
    """YAML's numbers and booleans as the text that an environment variable can hold."""
    if not isinstance(values, dict):
        return values
    return {
        name: as_text(value) if isinstance(value, bool | int | float) else value
        for name, value in values.items()
    }


class TrialTemplate(Part):
    """What one trial runs."""

    command: Annotated[str, Field(min_length=1, max_length=65_536), AfterValidator(modern)]
    """The command line, with ${{search_space.NAME}}, ${{inputs.NAME}} and ${{outputs.NAME}}."""
    code: Annotated[str | None, Field(max_length=1000)] = None
    """Folder under a code root, upload:<sha256> of POST /v1/code, or (Azure ML)
    azureml:name:version. `submit` of the command line uploads a folder that lies relative to the
    document.
    """
    environment: Environment | None = None
    """azureml:name:version, azureml:name@latest, or an image with a conda_file; on local also a
    requirements or conda file in the code or under a code root, or nothing."""
    environment_variables: Annotated[
        dict[str, str],
        BeforeValidator(_texts, json_schema_input_type=dict[str, Scalar]),
        Field(max_length=200),
    ] = {}
    """Set for every trial."""
    distribution: Distribution | None = None
    """How the processes of a trial find each other on several machines of Azure ML."""
    resources: Resources | None = None
    """Machines of one trial on Azure ML."""

    @property
    def code_asset(self) -> bool:
        """True for code that is registered on Azure (azureml:name:version)."""
        return self.code is not None and self.code.startswith("azureml:")
