"""Isolation: a process that predicts reads no text, writes nowhere, and has no network."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from genbench.processes.isolation import _landlock_version, code_beside

PROGRAM = """
import json, os, socket, sys
from pathlib import Path
from genbench.processes.isolation import isolate

plugin, empty, secret, port, parent = sys.argv[1:]
os.chdir(empty)
limited = isolate([Path(plugin)], Path(empty))

def outcome(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "allowed"

print(json.dumps([limited] + [outcome(action) for action in (
    lambda: open(plugin).read(),
    lambda: open("own.txt", "w").write("x"),
    lambda: __import__("torch").nn.LSTM(2, 2),
    lambda: open(secret).read(),
    lambda: open(secret, "a").write("x"),
    lambda: os.listdir(Path(secret).parent),
    lambda: open(f"/proc/{parent}/mem", "rb").read(),
    lambda: os.listdir(Path(sys.prefix) / "nltk_data"),
    lambda: socket.create_connection(("127.0.0.1", int(port)), 1),
)]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not _landlock_version(), reason="this system has no Landlock, which isolates files")
def test_an_isolated_process_reads_only_code(tmp_path: Path) -> None:
    for name in ("plugin.py", "secret.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "empty").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        arguments = [tmp_path / "plugin.py", tmp_path / "empty", tmp_path / "secret.txt"]
        numbers = [server.getsockname()[1], os.getpid()]
        command = [sys.executable, "-c", PROGRAM, *map(str, arguments + numbers)]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    limited, *outcomes = json.loads(result.stdout)
    assert limited == ["files", "network"]
    assert outcomes[:3] == ["allowed"] * 3
    assert set(outcomes[3:7]) == {"PermissionError"}
    assert outcomes[7] in ("PermissionError", "FileNotFoundError")
    assert outcomes[8] != "allowed"


def test_the_code_beside_a_plugin_file_is_known(tmp_path: Path) -> None:
    for name in ("plugin.py", "helper.py", "text.txt", "package/__init__.py", "package/deep/part.py", "package/a.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    names = {str(path.relative_to(tmp_path)) for path in code_beside(tmp_path / "plugin.py")}
    assert names == {"plugin.py", "helper.py", "package/__init__.py", "package/deep/part.py"}
