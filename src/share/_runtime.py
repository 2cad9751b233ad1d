"""What this process is: an ordinary one, or the coordinator of a share."""

from typing import Any

#: Name of the share whose coordinator this process is; None in every other process.
coordinator_of: str | None = None

#: In a coordinator: what ``Share`` objects of its own share become.
inside: Any = None
