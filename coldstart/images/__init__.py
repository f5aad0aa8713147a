"""Find, read, check, fingerprint and thumbnail image files."""
