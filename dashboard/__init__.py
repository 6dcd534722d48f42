"""The dashboard: the page that browsers load from the hub, as files and as the policy they are served under.

Owns what people see; must not know the hub, whose HTTP app serves these files.
"""

from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).parent / "static"
