"""Alembic's entry: on the connection that schema.py hands over, or on `-x url=…` from the command line."""

import asyncio
from typing import Literal

from alembic import context
from sqlalchemy import Connection

from voicebot.storage.engine import WRITES, open_engine
from voicebot.storage.tables import Base, UtcDateTime


def render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our time type as plain DateTime: a revision must not change with the program."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Run the revisions in the transaction of the connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_item=render,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_by_url(url: str) -> None:
    """Connect by URL and run."""
    engine = open_engine(url, may_create=True)
    async with engine.connect() as plain:
        connection = await plain.execution_options(**WRITES)
        async with connection.begin():
            await connection.run_sync(run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    arguments = context.get_x_argument(as_dictionary=True)
    asyncio.run(run_by_url(arguments["url"]))
