"""From a function, by its syntax tree or its bytecode, to the instructions that the solver runs."""
