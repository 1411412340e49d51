"""The rows of events: what is in them, and when they and their scopes go."""


def test_no_event_holds_a_text(memory, clock):
    """The text of a memory never is in what is stored of the call that added it."""
    deleted = memory.add("unmistakable1", user_id="u")
    memory.add("unmistakable2", user_id="u", ttl=5)
    memory.delete(deleted["results"][0]["id"])
    clock.advance(seconds=5)
    with memory._store._database.read() as connection:
        assert "unmistakable" not in str(connection.execute("SELECT * FROM event").fetchall())


def test_the_scope_of_old_events_goes_with_them(memory, clock):
    """vacuum removes the scope of an old event that stored nothing; a scope with a newer event or a memory stays."""
    memory.add("x", user_id="u")
    memory.add([], user_id="nothing")
    memory.add([], user_id="busy")
    clock.advance(days=29)
    memory.add([], user_id="busy")
    clock.advance(days=1)
    memory.vacuum()
    with memory._store._database.read() as connection:
        assert set(connection.execute("SELECT user_id FROM scope")) == {("u",), ("busy",)}
