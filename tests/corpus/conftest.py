"""The corpus is collected with ``-m corpus`` only: it needs some sixty packages (the extra ``corpus``), and an hour."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if "corpus" in config.option.markexpr else True
