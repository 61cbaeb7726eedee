"""Where the ``kiln`` program is."""

import os
import sysconfig
from pathlib import Path
from typing import Iterator

#: Names another program, such as one that was just compiled.
VARIABLE = "KILN_BIN"


def find_binary() -> str:
    """The path of the ``kiln`` that was installed with this package, or the one that ``KILN_BIN`` names.

    Raises ``FileNotFoundError`` when there is none. ``PATH`` is not searched: another version might be there.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return given
    looked_at = list(_places())
    for path in looked_at:
        if path.is_file():
            return str(path)
    places = ", ".join(map(str, looked_at))
    raise FileNotFoundError(f"the program of the package `kiln` is at none of: {places}; {VARIABLE} can name it")


def _places() -> Iterator[Path]:
    # Wheels that bring DuckDB's library have the program here; the script in `bin` only starts it.
    yield Path(__file__).resolve().parent.parent / "kiln.scripts" / "kiln"
    yield Path(sysconfig.get_path("scripts")) / "kiln"
