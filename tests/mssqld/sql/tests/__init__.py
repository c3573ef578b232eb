"""Tests of the SQL side, without a wire."""
