"""Tests of the wire against sessions made up here; no SQL.  Run: python3 -m unittest discover -s tests/mssqld -t tests/mssqld"""
