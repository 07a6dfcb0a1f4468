"""/docs: Swagger UI from the assets of fastapi-swagger, so that no other host is asked."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

_ASSETS = "/swagger"
_RETURN = "/docs/oauth2-redirect"
_PARAMETERS = {
    "tryItOutEnabled": True,
    "persistAuthorization": True,
    "filter": True,
    "displayRequestDuration": True,
}


def add_docs(app: FastAPI, root_path: str, *, start: str, client_id: str = "") -> None:
    """Serve the page and its files, and lead from / to `start`.

    Addresses carry the prefix that a proxy removes. `client_id` is that of this service in Entra
    ID, with which the page signs in.
    """
    root = root_path.rstrip("/")
    made = get_swagger_ui_html(
        openapi_url=f"{root}{app.openapi_url}",
        title=app.title,
        swagger_js_url=f"{root}{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{root}{_ASSETS}/favicon-32x32.png",
        swagger_ui_parameters=_PARAMETERS,
        oauth2_redirect_url=f"{root}{_RETURN}",
        init_oauth={"clientId": client_id, "usePkceWithAuthorizationCodeGrant": True}
        if client_id
        else None,
    )
    # The language is what FastAPI's page lacks for people who have pages read to them.
    page = HTMLResponse(bytes(made.body).replace(b"<html>", b'<html lang="en">', 1))
    app.mount(_ASSETS, StaticFiles(packages=[("fastapi_swagger", "resources")]))

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return page

    @app.get(_RETURN, include_in_schema=False)
    def return_from_sign_in() -> HTMLResponse:
        return get_swagger_ui_oauth2_redirect_html()

    @app.get("/", include_in_schema=False)
    def begin() -> RedirectResponse:
        return RedirectResponse(f"{root}{start}")
