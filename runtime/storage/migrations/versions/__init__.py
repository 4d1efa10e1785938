"""One file a change, numbered; never edited once released."""
