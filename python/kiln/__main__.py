"""``python -m kiln``: the command line."""

import os
import sys

from kiln.binary import find_binary

if __name__ == "__main__":
    binary = find_binary()
    # Python models run where this does, unless the environment says otherwise.
    os.environ.setdefault("KILN_PYTHON", sys.executable)
    os.execv(binary, [binary, *sys.argv[1:]])
