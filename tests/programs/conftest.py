"""The programs' folder can be imported from."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
