"""What Alembic runs: migrations in the transaction of the connection that `serving.store.schema` gives."""

from alembic import context

from serving.store.declared import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)
context.run_migrations()
