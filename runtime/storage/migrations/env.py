"""What alembic runs for every command; the connection and its transaction are the caller's."""

from alembic import context

from runtime.storage.tables import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    # SQLite alters a table by copying it; both databases undo DDL with the transaction.
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
