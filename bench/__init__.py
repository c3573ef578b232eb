"""The benchmark; scripts/bench starts it, README.md says what it measures."""
