"""The wire: TDS 7.4 as a server speaks it.  Knows nothing of SQL; see contract.py for the other half."""
