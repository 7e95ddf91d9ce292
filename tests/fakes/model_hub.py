"""A real HTTP server on loopback that serves files with Range support and misbehaves on demand."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelHub:
    """`files`: path -> bytes. `cut_after`: path -> lengths after which successive transfers break off."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut_after: dict[str, list[int]] = {}
        self.requests: list[tuple[str, str]] = []
        self.ignores_range = False
        self.hangs = threading.Event()
        self.hung = threading.Event()
        self.hangs.set()
        self.url = ""

    def etag(self, path: str) -> str:
        return f'"{hashlib.md5(self.files[path]).hexdigest()}"'

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, wanted = request.path, request.headers.get("Range", "")
        self.requests.append((path, wanted))
        if not self.hangs.is_set():
            self.hung.set()
            self.hangs.wait(30)
        if path not in self.files:
            request.send_error(404)
            return
        body, start = self.files[path], 0
        match = re.fullmatch(r"bytes=(\d+)-", wanted)
        is_same = request.headers.get("If-Range", self.etag(path)) == self.etag(path)
        if match and is_same and not self.ignores_range:
            start = int(match[1])
            if start >= len(body):
                request.send_error(416)
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            request.send_response(200)
        rest = body[start:]
        request.send_header("Content-Length", str(len(rest)))
        request.send_header("ETag", self.etag(path))
        request.end_headers()
        cuts = self.cut_after.get(path)
        request.wfile.write(rest[: cuts.pop(0)] if cuts else rest)
        request.close_connection = True


@contextmanager
def running_hub() -> Iterator[ModelHub]:
    hub = ModelHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.answer(self)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.hangs.set()
        server.shutdown()
        server.server_close()
        thread.join()
