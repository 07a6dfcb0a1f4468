"""The first sweep through the official SDK to a registered model, in an emulated Azure ML."""

import tempfile
from pathlib import Path

import yaml
from rich.console import Console

from app.cli.printing import print_outcome
from sweepfront import Client
from tests.azure_emulator.running import running_emulator
from tests.served import ROOT, served


def main() -> None:
    """Start the cloud and a service, run the sweep, register, and end both."""
    console = Console()
    body = yaml.safe_load((ROOT / "examples" / "concrete.yaml").read_text(encoding="utf-8"))
    body |= {"backend": "azureml", "compute": "azureml:cpu-cluster"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_emulator(folder / "emulator") as emulator:
            console.print(f"an emulated Azure ML answers at {emulator.base}", highlight=False)
            environment = emulator.environment()
            with served(folder / "data", environment=environment) as service:
                client = Client(str(service.client.base_url))
                sweep = client.submit(body).wait()
                print_outcome(sweep.sweep, console)
                version = sweep.register()
                console.print(
                    f"registered {version.model_name} version {version.version}: {version.uri}",
                    highlight=False,
                    soft_wrap=True,
                )
                console.print(f"{len(emulator.requests())} requests to Azure", highlight=False)


if __name__ == "__main__":
    main()
