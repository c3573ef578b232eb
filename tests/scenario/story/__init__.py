"""The scenario language: its parser, its actors, its steps and its runner.  See tests/scenario/README.md."""
