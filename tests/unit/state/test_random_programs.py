"""Random programs: recorded objects behave as plain ones, replicas follow, and what is undone is undone exactly."""

import gc
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_programs import Program


def run(choose: Callable[[int], int], commands: int) -> None:
    program = Program(choose)
    try:
        for i in range(commands):
            program.command()
            if i % 9 == 0:
                gc.collect()
            if i % 40 == 39:
                program.reload()
                program.look_for_the_unseen()
            if i % 50 == 49:
                program.fail_over()
        program.finish()
    finally:
        program.state.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_program(seed: int) -> None:
    run(random.Random(seed).randrange, 90)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_a_long_program(seed: int) -> None:
    run(random.Random(seed).randrange, 400)


@settings(max_examples=15)
@given(st.data())
def test_a_program_that_can_be_made_smaller(data: st.DataObject) -> None:
    run(lambda below: data.draw(st.integers(0, below - 1)), 12)
