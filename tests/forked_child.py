"""Modules' `main` for the tests of the fork server: describe this process; loop; start others."""

import json
import os
import resource
import signal
import subprocess
import sys
from typing import Any

import numpy as np
from processes import DAEMON


def main() -> None:
    request: dict[str, Any] = json.loads(sys.stdin.readline())
    if "daemon" in request:
        print(subprocess.check_output(["sh", "-c", DAEMON], text=True), flush=True)
        os._exit(0)
    if "children" in request:
        for _ in range(request["children"]):
            subprocess.run(["true"], check=True)
    if "stop" in request:
        os.kill(os.getppid(), signal.SIGSTOP)
    if "interrupt" in request:
        os.kill(os.getppid(), signal.SIGINT)
    if "exit" in request:
        sys.exit(request["exit"])
    if "start" in request:
        from genbench.processes.parent import ChildProcess

        child = ChildProcess("forked_child", preloaded="")
        child.send({"loop": True})
        print(next(child.lines()), flush=True)
    about = {
        "process": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "folder": "" if "long" in request else os.getcwd(),
        "environment": dict(os.environ),
        "random": np.random.random(),
        "files": len(os.listdir("/proc/self/fd")),
        "limits": resource.getrlimit(resource.RLIMIT_CORE),
        "modules": sorted(sys.modules),
    }
    print(json.dumps(about), flush=True)
    while "loop" in request:
        pass
    sys.stdin.read()


if __name__ == "__main__":
    main()
