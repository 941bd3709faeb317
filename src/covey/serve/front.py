"""The route of the page."""

from __future__ import annotations

from fastapi import APIRouter, Response

from covey.serve.page_text import page


def routes() -> APIRouter:
    """The route of the page."""
    router = APIRouter()
    text, policy = page("browser")
    headers = {
        "content-security-policy": f"{policy}; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }

    @router.get("/", include_in_schema=False)
    async def index() -> Response:
        return Response(text, media_type="text/html", headers=headers)

    return router
