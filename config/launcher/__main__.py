"""The launcher's command line: `python -m config.launcher run | web | realtime | test | check`."""

from __future__ import annotations

import sys

from config.launcher.trouble import Trouble


def main(arguments: list[str]) -> int:
    """Run one command; its exit code. Trouble is one line on stderr and 1."""
    command, *rest = arguments or ["run"]
    try:
        if command == "run":
            from config.launcher.run import run

            return run(with_parent="--with-parent" in rest)
        if command == "web":
            from config.launcher.web import web

            return web()
        if command == "realtime":
            from config.launcher.web import realtime

            return realtime()
        if command == "test":
            from config.launcher.testing import test

            return test(rest)
        if command == "check":
            from config.launcher.check import check

            return check()
    except Trouble as trouble:
        print(f"atelier: {trouble}", file=sys.stderr, flush=True)
        return 1
    print(f"atelier: {command} is not a command (run, web, realtime, test, check)", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
