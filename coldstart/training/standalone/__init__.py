"""What goes with an exported model: it runs without coldstart, and imports nothing of it."""
