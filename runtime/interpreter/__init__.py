"""How a flow runs."""
