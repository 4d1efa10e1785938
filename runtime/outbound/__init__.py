"""The guarded way out: HTTP calls that flows make, kept away from private networks and bounded in size and time."""
