"""The draft runs in place: what each step does, what went in and out, and what it answers."""
