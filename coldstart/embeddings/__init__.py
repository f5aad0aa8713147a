"""One vector for each image: encoders, resumable extraction, import, the map."""
