"""The factories that stand for the built-in types in CPython's own tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
