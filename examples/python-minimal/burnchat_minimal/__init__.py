"""A minimal Burnchat client, written from the spec alone. `client.py` is the machine, `shim.py` what drives it."""
