"""One vector for each image: encoders, resumable extraction, import, the matrix on disk, the map."""
