"""Tests against the real thing (servers, killed processes, training); `make system` runs them."""
