from share._control import Control

from ._store import Store

def recover(control: Control, store: Store) -> None: ...
