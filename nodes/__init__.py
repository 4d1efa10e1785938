"""The nodes that come with Canevas, by theme."""
