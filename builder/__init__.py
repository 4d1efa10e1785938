"""The web app: thin over the runtime."""
