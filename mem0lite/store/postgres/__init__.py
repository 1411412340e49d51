"""The memories of one store in a PostgreSQL database, with pgvector."""
