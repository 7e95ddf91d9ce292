"""Transfers of a call: rows from records, and back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage.fitting import fit
from voicebot.storage.records import TransferRecord, TransferState
from voicebot.storage.tables import TransferRow


async def insert_transfers(
    connection: AsyncConnection, call_id: str, transfers: Sequence[TransferRecord]
) -> None:
    """Write the attempts of a call, in order."""
    rows = [
        {
            "call_id": call_id,
            "position": place,
            "destination": fit(transfer.destination, 100),
            "kind": fit(transfer.kind, 20),
            "reason": fit(transfer.reason, 40),
            "requested_at_ms": transfer.requested_at_ms,
            "states": [[fit(state.state, 40), state.at_ms] for state in transfer.states],
            "failure": fit(transfer.failure, 40) if transfer.failure is not None else None,
        }
        for place, transfer in enumerate(transfers)
    ]
    await connection.execute(insert(TransferRow), rows)


async def read_transfers(connection: AsyncConnection, call_id: str) -> tuple[TransferRecord, ...]:
    """Return the attempts of a call, in order."""
    query = (
        select(
            TransferRow.destination,
            TransferRow.kind,
            TransferRow.reason,
            TransferRow.requested_at_ms,
            TransferRow.states,
            TransferRow.failure,
        )
        .where(TransferRow.call_id == call_id)
        .order_by(TransferRow.position)
    )
    return tuple(
        TransferRecord(
            destination,
            kind,
            reason,
            at_ms,
            tuple(TransferState(str(s), int(str(t))) for s, t in states),
            failure,
        )
        for destination, kind, reason, at_ms, states, failure in await connection.execute(query)
    )
