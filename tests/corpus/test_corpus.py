"""Classes of others, driven with random steps by two processes in strict turn, beside plain objects."""

import pytest
from driving import Case, drive
from foreign_cases import FOREIGN
from more_cases import MORE
from stdlib_cases import STANDARD

pytestmark = pytest.mark.corpus

SEEDS = (1, 2)


@pytest.mark.parametrize("kill", [False, True], ids=["", "killed"])
@pytest.mark.parametrize("case", [*STANDARD, *FOREIGN, *MORE], ids=lambda case: case.name)
def test_as_a_plain_object(case: Case, kill: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    if not case.is_here:
        pytest.skip(f"{case.needs} is not installed")
    fault = case.fault or case.after_kill * kill
    folder = str(tmp_path_factory.getbasetemp())
    try:
        for seed in SEEDS:
            drive(case, folder, seed, kill=kill)
    except Exception as error:
        if case.refused and case.refused in str(error):
            return
        if fault:
            pytest.xfail(fault)
        raise
    assert not fault, f"this works now: remove its fault {fault!r}"
    assert not case.refused, f"{case.name} is no longer refused"
