"""The consistency contract with real processes; and that each test of it fails without its mechanism."""

import multiprocessing
from pathlib import Path

import contract
import pytest
import variant
from programs import HERE, finish, start


@pytest.mark.parametrize("line", contract.LINES)
def test_line_of_the_contract(line: str, method: str) -> None:
    """Each line holds under every start method."""
    contract.LINES[line](multiprocessing.get_context(method))


@pytest.fixture(scope="session")
def variant_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the build with test points is."""
    return variant.build(tmp_path_factory.mktemp("variant"))


MECHANISMS = {
    # mechanism that is switched off: (line of the contract, test point that widens the window, its message).
    # What follows a blank only tells entries apart.
    "order": ("1", "", "was to come"),
    "flags": ("2", "", "a stale"),
    "snapshot": ("3", "snapshot.header:delay", "half of a method was seen"),
    "commit": ("3", "slot.begun:delay", "half of a method was seen"),
    "generation": ("3_bytes", "block.found:delay", "a torn value"),
    "generation of arrays": ("3_arrays", "block.found:delay", "a torn array"),
    "together": ("3_several", "snapshot.together:delay", "two moments in one snapshot"),
    "errors": ("6", "", "silent about a failed command"),
    "wait": ("7", "", "waiting returned a stale value"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_contract_fails_without_its_mechanism(mechanism: str, variant_path: Path) -> None:
    """A test that passes whatever the code does proves nothing: with the mechanism off, it fails."""
    line, point, message = MECHANISMS[mechanism]
    env = variant.environment_of(variant_path, SHARE_BREAK=mechanism.partition(" ")[0], SHARE_TESTPOINT=point)
    done = finish(start(str(HERE / "contract.py"), line, "fork", env=env))
    assert done.returncode != 0, "the test has not noticed that the mechanism is off"
    assert message in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("line", contract.LINES)
def test_contract_holds_in_the_variant(line: str, variant_path: Path) -> None:
    """The variant itself, with nothing switched off, keeps the contract: so it is the switch that breaks it."""
    done = finish(start(str(HERE / "contract.py"), line, "fork", env=variant.environment_of(variant_path)))
    assert done.returncode == 0, done.stderr
