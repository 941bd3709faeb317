"""`covey[widget]`: what the page in a notebook asks is answered, without a server."""

import json
import sys
from importlib.util import find_spec

import covey

assert not [name for name in ("jax", "fastapi") if find_spec(name)]
explorer = covey.load(sys.argv[1]).explore()
said = []
explorer.send = said.append
content = {"row": {"number": 1.0, "gaps": None, "colour": "red"}, "pair": ["small", "big"]}
asked = {"view": "v", "id": 1, "path": "explore", "text": json.dumps(content)}
data = {"method": "custom", "content": asked}
explorer._handle_msg({"content": {"data": data}, "buffers": []})
(answer,) = said
assert answer["status"] == 200, answer
assert len(json.loads(answer["body"])["contours"]) == 2
assert "<svg" in explorer._page  # the wheel holds the page
assert "render" in explorer._esm
assert explorer.distribution.mean.shape == (1, 3)
