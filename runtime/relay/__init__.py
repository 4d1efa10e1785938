"""What a run tells live reaches whoever watches it, in whichever process."""
