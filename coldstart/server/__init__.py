"""The HTTP routes beside the pages: labels and classes in, thumbnails and images out."""
