# Nothing here is for Python: the classes over these rings are in share.primitives.
