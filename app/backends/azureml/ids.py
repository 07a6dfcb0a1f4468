"""The ids of Azure Resource Manager that the short names of a document stand for; pure.

They are those that azure-ai-ml 1.35 makes, without a request, from `azureml:NAME:VERSION`.
"""

from app.backends.azureml.workspace import Place

_PROVIDER = "Microsoft.MachineLearningServices"
_PREFIX = "azureml:"
_VIRTUAL_CLUSTER = "virtualclusters/"
_CURATED = "AzureML-"
LATEST = "{latest}"
"""Stands for the version that the SDK looks up when a label is given: known at submission only."""


class Ids:
    """Ids within one workspace; a setting that is missing stays readable, {workspace}."""

    def __init__(self, place: Place) -> None:
        self._group = (
            f"/subscriptions/{place.subscription_id or '{subscription_id}'}"
            f"/resourceGroups/{place.resource_group or '{resource_group}'}/providers/{_PROVIDER}"
        )
        self.workspace = f"{self._group}/workspaces/{place.workspace or '{workspace}'}"

    def job(self, name: str) -> str:
        """The id of a job."""
        return f"{self.workspace}/jobs/{name}"

    def compute(self, given: str) -> str:
        """Of `azureml:cpu-cluster`, `cpu-cluster`, `azureml:virtualClusters/NAME` or a whole id."""
        name = given.removeprefix(_PREFIX)
        if name.startswith("/"):
            return name
        if name.lower().startswith(_VIRTUAL_CLUSTER):
            return f"{self._group}/virtualclusters/{name[len(_VIRTUAL_CLUSTER) :]}"
        return f"{self.workspace}/computes/{name}"

    def environment(self, given: str) -> str:
        """Curated and registry environments keep their short form, which the service resolves."""
        name = given.removeprefix(_PREFIX)
        if name.startswith(_CURATED):
            return f"{_PREFIX}{name}"
        return self._asset("environments", name)

    def code(self, given: str) -> str:
        """The id of registered code, `azureml:NAME:VERSION` or a whole id."""
        return self._asset("codes", given.removeprefix(_PREFIX))

    def data(self, path: str, type_: str) -> str:
        """The address of an input that lies in Azure or on the web.

        Args:
            path: `azureml:NAME:VERSION`, `azureml:NAME@latest`, a whole id or any URL.
            type_: of the input; a Triton model is looked for among data, as the SDK does.
        """
        if "://" in path:
            return path
        kind = "models" if type_ in {"custom_model", "mlflow_model"} else "data"
        return self._asset(kind, path.removeprefix(_PREFIX))

    def _asset(self, kind: str, name: str) -> str:
        if name.startswith("//"):
            return f"{_PREFIX}{name}"
        if name.startswith("/"):
            return name
        base, at, _ = name.rpartition("@")
        if at:
            return f"{self.workspace}/{kind}/{base}/versions/{LATEST}"
        base, _, version = name.partition(":")
        return f"{self.workspace}/{kind}/{base}/versions/{version}"
