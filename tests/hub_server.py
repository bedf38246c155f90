"""A Hugging Face Hub on loopback: repositories in memory, as far as models are pushed to them and loaded from them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c" * 40


@dataclass
class Hub:
    """What the server has, and what was asked of it."""

    address: str
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)  # files by name
    requests: list[str] = field(default_factory=list)  # method and path
    tokens: set[str] = field(default_factory=set)


class Handler(BaseHTTPRequestHandler):
    """Answers one request; `serve_hub` makes a subclass with its Hub."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.note()
        if path == "/api/repos/create":
            values = json.loads(body)
            name = f"{values.get('organization') or 'me'}/{values['name']}"
            self.hub.repositories.setdefault(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
            self.answer({"url": f"{self.hub.address}/{name}", "id": name})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = [{"path": name, "uploadMode": "regular", "shouldIgnore": False, "oid": None} for name in names]
            self.answer({"files": modes})
        elif path.endswith("/commit/main"):
            self.commit("/".join(path.split("/")[3:5]), [json.loads(line) for line in body.splitlines()])
        else:
            self.answer({"error": "not here"}, 404)

    def commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            if line["key"] == "file":
                self.hub.repositories[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        self.answer({"commitUrl": f"{self.hub.address}/{name}/commit/{COMMIT}", "commitOid": COMMIT})

    def do_GET(self) -> None:
        parts = self.note().strip("/").split("/")
        name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        files = self.hub.repositories.get(name)
        if files is None:
            self.answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif parts[0] == "api" and "tree" in parts:
            self.answer([{"type": "file", "path": path, **described(data)} for path, data in files.items()])
        elif parts[0] == "api":
            siblings = [{"rfilename": path} for path in files]
            self.answer({"id": name, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False})
        elif parts[2] == "resolve" and parts[-1] in files:
            self.send(files[parts[-1]], 200)
        else:
            self.answer({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def note(self) -> str:
        """Note a request; return its path."""
        self.hub.requests.append(f"{self.command} {self.path}")
        self.hub.tokens.add(self.headers.get("Authorization", ""))
        return self.path.partition("?")[0]

    def answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def send(self, data: bytes, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        etag = f'"{described(data)["oid"]}"'
        about = {"Content-Length": str(len(data)), "ETag": etag, "X-Repo-Commit": COMMIT, **(headers or {})}
        for header, value in about.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def serve_hub() -> Iterator[Hub]:
    """Yield a Hub without repositories."""
    hub = Hub("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def described(data: bytes) -> dict[str, Any]:
    """Return the size of a file and its hash as git computes it."""
    return {"size": len(data), "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
