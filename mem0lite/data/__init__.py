"""What goes through the store: memories, messages, filters, and their lines on the way out and in. Pure."""
