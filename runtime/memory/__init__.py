"""Embeddings and, later, knowledge and conversations."""
