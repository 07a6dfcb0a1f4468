"""The pages as an application, to be mounted beside the API; they read through the same services.

NiceGUI keeps a page's state in this process and speaks to the browser over one WebSocket.
"""

from pathlib import Path

from fastapi import FastAPI
from nicegui import app as pages
from nicegui import ui

from app.dashboard import (
    compare,
    embed_page,
    models_page,
    new_sweep,
    sweep_list,
    sweep_page,
    trial_page,
)

_PAGES = {
    "/": sweep_list.show,
    "/compare": compare.show,
    "/new": new_sweep.show,
    "/sweeps/{name}": sweep_page.show,
    "/sweeps/{name}/trials/{number}": trial_page.show,
    "/models": models_page.show,
    "/models/{model}": models_page.show_one,
    "/embed/{sweep}/{view}": embed_page.show,
}
_STYLE = Path(__file__).parent / "style.css"
_SCRIPT = Path(__file__).parent / "page.js"
_FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#1d5fbf"/>'
    '<path d="M5 9c6 0 6 13 12 13s5-6 10-6" fill="none" stroke="#fff" stroke-width="3"/>'
    "</svg>"
)


def build() -> FastAPI:
    """Make them, once in a process; the parts of the service reach them with each request."""
    for path, show in _PAGES.items():
        ui.page(path)(show)
    ui.add_css(_STYLE, shared=True)
    ui.add_head_html(f"<script>{_SCRIPT.read_text()}</script>", shared=True)
    pages.config.quasar_config["loadingBar"] = {"skipHijack": True}  # its bar has no name to read
    pages.colors(primary="#1d5fbf", secondary="#475569", positive="#15803d", negative="#b91c1c")
    app = FastAPI(openapi_url=None)
    ui.run_with(
        app,
        mount_path="/",
        title="Sweepfront",
        favicon=_FAVICON,
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,  # what is bound here tells by itself: no loop looks for it
        reconnect_timeout=10.0,
        show_welcome_message=False,
    )
    return app
