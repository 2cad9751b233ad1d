"""A write that the plan does not know of is published all the same, and reported once with what to do."""

import pytest
from check_classes import Lying

from share import Share
from share.errors import ShareWarning


def told(shared: Share) -> list[str]:
    return [str(record.error) for record in shared.errors if isinstance(record.error, ShareWarning)]


@pytest.mark.parametrize("check", [False, True])
def test_a_rebinding_is_noticed_always(check: bool) -> None:
    with Share(check=check) as shared:
        shared.lying = Lying()
        for _ in range(3):
            shared.lying.rebind.call()
        assert (shared.lying.said, shared.lying.other) == (3, 3)
        (text,) = told(shared)
        assert "Lying.rebind()" in text and "'other'" in text and "@writes(" in text


def test_a_change_in_place_is_noticed_by_comparing_all() -> None:
    with Share(check=True) as shared:
        shared.lying = Lying()
        shared.lying.put.call()
        shared.lying.put.call()
        assert shared.lying.kept == {"a": [1, 2]}
        (text,) = told(shared)
        assert "Lying.put()" in text and "'kept'" in text
