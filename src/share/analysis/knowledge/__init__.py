"""What is known beforehand, so that it need not be analysed: tables of callables, types and large packages."""
