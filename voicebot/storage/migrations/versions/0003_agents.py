"""agents, what they did, what they noted; who is at a callback

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-22 06:30:00.000000
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "agents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("queues", sa.JSON(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.create_table(
        "agent_states",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("call_id", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agent_states"),
    )
    op.create_index("ix_agent_states_at", "agent_states", ["at"])
    op.create_index("ix_agent_states_agent_id_at", "agent_states", ["agent_id", "at"])
    op.create_table(
        "wrap_ups",
        sa.Column("call_id", sa.String(length=128), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "agent_id", name="pk_wrap_ups"),
    )
    op.create_index("ix_wrap_ups_at", "wrap_ups", ["at"])
    with op.batch_alter_table("callbacks") as callbacks:
        callbacks.add_column(sa.Column("claimed_by", sa.String(length=64), nullable=False, server_default=""))
        callbacks.add_column(sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
        callbacks.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
        callbacks.add_column(sa.Column("outcome", sa.String(length=40), nullable=False, server_default=""))
        callbacks.add_column(sa.Column("done_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back to no agents."""
    with op.batch_alter_table("callbacks") as callbacks:
        for column in ("claimed_by", "claimed_at", "attempts", "outcome", "done_at"):
            callbacks.drop_column(column)
    for table in ("wrap_ups", "agent_states", "agents"):
        op.drop_table(table)
