"""The page: one HTML document with its style and script in it, that asks nobody but its host."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "page"
HOSTS = {"browser": "host.js", "notebook": "notebook.js"}
BEFORE = ("base.js",)
AFTER = ("features.js", "targets.js", "plane.js", "rows.js", "main.js")


def page(host: str, first: Any = None) -> tuple[str, str]:
    """Put the page together.

    Args:
        host: where it will be: "browser", beside a server; or "notebook", in a frame, whose parent
            passes on what it asks.
        first: what it knows from the start, if it is in a notebook; what JSON can hold.

    Returns:
        Its text, which holds its content security policy; and that policy.
    """
    script = '"use strict";\n'
    if first is not None:
        script += f"const FIRST = JSON.parse({_embedded(first)});\n"
    script += "\n".join(part(name) for name in (*BEFORE, HOSTS[host], *AFTER))
    style = part("style.css")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    meta = f'<meta http-equiv="content-security-policy" content="{html.escape(policy)}">'
    text = part("page.html").replace("/* host */", host).replace("<!-- policy -->", meta)
    return text.replace("/* style */", style).replace("/* script */", script), policy


def part(name: str) -> str:
    """The text of a file that the page consists of."""
    return (FOLDER / name).read_text(encoding="utf-8")


def _embedded(content: Any) -> str:
    """Content as a script can hold it, whatever text is in it: no tag ends the script."""
    return json.dumps(json.dumps(content, allow_nan=False)).replace("<", "\\u003c")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
