"""What a question finds: terms, vectors, dates and conversations, fused into one order. Pure."""
