"""The coordinator: the one process that executes every write; it knows nothing of the client's code."""
