"""The page: one HTML document with its style and script in it, that asks nobody but its server."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from fastapi import APIRouter, Response

FOLDER = Path(__file__).parent / "page"
STYLE, SCRIPTS = (
    "style.css",
    ("base.js", "features.js", "targets.js", "plane.js", "rows.js", "main.js"),
)


def page() -> tuple[str, str]:
    """The text of the page, and its content security policy."""
    style = (FOLDER / STYLE).read_text(encoding="utf-8")
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n' + "\n".join(parts)
    text = (FOLDER / "page.html").read_text(encoding="utf-8")
    text = text.replace("/* style */", style).replace("/* script */", script)
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return text, policy


def routes() -> APIRouter:
    """The route of the page."""
    router = APIRouter()
    text, policy = page()
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }

    @router.get("/", include_in_schema=False)
    async def index() -> Response:
        return Response(text, media_type="text/html", headers=headers)

    return router


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
