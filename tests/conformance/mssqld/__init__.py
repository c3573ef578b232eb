"""One module a client; cases.py has what all of them must see."""
