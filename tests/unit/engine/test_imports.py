"""What is imported with the engines, and what is not."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["share.engine", "share.cli"])
def test_no_client_of_a_server_is_loaded_before_it_is_asked_for(module: str) -> None:
    program = f"import sys, {module}; print([n for n in ('asyncio', 'nats', 'psycopg') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    if module == "share.engine":
        assert done.stdout == "[]\n"
    else:  # rich and click may load asyncio
        assert "nats" not in done.stdout


def test_all_engines_can_be_imported_without_their_clients() -> None:
    import share.engine

    for name in share.engine.__all__:
        assert getattr(share.engine, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        share.engine.Nothing
