# Nothing here is for Python: slots are published by the coordinator and read by proxies, both compiled.
