"""`covey[serve]`: a model that others trained answers a request over HTTP."""

import json
import sys
import threading
import time
import urllib.request
from importlib.util import find_spec

import uvicorn

import covey
from covey.serve import application

assert find_spec("jax") is None
app = application(covey.load(sys.argv[1]))
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
thread = threading.Thread(target=server.run, daemon=True)
thread.start()
until = time.monotonic() + 60
while not server.started:
    assert time.monotonic() < until, "the server did not start"
    time.sleep(0.05)
port = server.servers[0].sockets[0].getsockname()[1]
body = json.dumps({"rows": [{"number": 1.0, "gaps": None, "colour": "red"}]}).encode()
with urllib.request.urlopen(f"http://127.0.0.1:{port}/predict", body, timeout=60) as answer:
    (row,) = json.load(answer)["rows"]
assert set(row["mean"]) == {"small", "middle", "big"}
with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
    assert b"<title>" in page.read()  # the wheel holds the page
server.should_exit = True
thread.join(30)
