"""What all tables share: where they are declared, how constraints are named, and the types of ids."""

from sqlalchemy import MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A pseudonym, a run, a decision, a case: 32 hexadecimal digits. A hash: 64. Who acts, by the provider's name.
ID, HASH, ACTOR, WORD = String(32), String(64), String(255), String(32)
