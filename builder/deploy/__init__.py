"""Publishing a flow: its address, its keys, and the line that calls it."""
