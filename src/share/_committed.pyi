from ._memory import Memory

class Committed(Memory):
    def __len__(self) -> int: ...
