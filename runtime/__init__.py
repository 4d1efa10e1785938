"""Flows: what they are, how they run, where they are kept. Knows no Reflex and no concrete node."""
