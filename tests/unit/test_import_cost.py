"""What ``import share`` loads: what is needed only later, or only by some programs, is not in it."""

import subprocess
import sys

import pytest

LATER = {
    "ast", "asyncio", "click", "cloudpickle", "concurrent.futures", "dataclasses", "decimal", "dis", "inspect",
    "multiprocessing", "numpy", "pathlib", "rich", "secrets", "share.analysis", "share.coordinator", "socket",
    "subprocess", "uuid",
}  # fmt: skip


@pytest.mark.parametrize("module", ["share", "share.coordinator.main"])
def test_nothing_is_imported_before_it_is_needed(module: str) -> None:
    program = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    unwanted = LATER - {"share.coordinator"} if module.startswith("share.coordinator") else LATER
    assert not unwanted & set(loaded.split())
