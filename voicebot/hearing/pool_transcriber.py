"""The Transcriber over a pool of worker processes: no model is imported here."""

from __future__ import annotations

from dataclasses import replace

from voicebot.hearing.transcriber import Transcription, TranscriptionRequest
from voicebot.speech_workers import WorkerPool


class PoolTranscriber:
    """Sends each utterance to a WhisperEngine in a worker. `pool`: started and closed by its owner."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def transcribe(self, request: TranscriptionRequest) -> Transcription:
        """Raise SpeechWorkerDied or SpeechWorkerBusy; never hang longer than the pool's time limit."""
        # Any mapping may come in; only plain dicts are sure to pickle.
        sendable = replace(request, prior=dict(request.prior), prompts=dict(request.prompts))
        answer = await self._pool.call("transcribe", sendable, speculative=request.is_speculative)
        assert isinstance(answer, Transcription)
        return answer
