"""The editor: a flow on a canvas, and the edits that change it."""
