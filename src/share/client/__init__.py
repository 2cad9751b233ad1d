"""The client side: what a process that uses a share needs; it knows nothing of the coordinator's code."""
