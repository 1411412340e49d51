"""What goes through a store: memories, messages, filters, and JSON lines for leaving and coming back. Pure."""
