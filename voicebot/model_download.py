"""One file over HTTP: resumed where it broke off, checked, put in place in one step.

The bytes so far are in `NAME.part`, what they belong to in `NAME.part.json` (URL and entity tag). A resumed
request carries Range and If-Range (RFC 9110 sections 13.1.5 and 14.2), so that a file that changed on the
server is fetched anew instead of being glued together.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from voicebot.errors import ModelDownloadFailed
from voicebot.model_catalogue import ModelFile
from voicebot.model_store import check_file

Progress = Callable[[str, int, int], None]
"""File name, bytes so far, bytes in all."""

REACH_SECONDS = 5.0
"""What an unreachable source may cost: name look-up, connection, redirects and the first response line."""
_STALL_SECONDS = 30.0
_ATTEMPTS = 4
_SPARE_BYTES = 64 << 20


class SourceUnreachable(ModelDownloadFailed):
    """Nothing answers there; the host is not asked again in this run."""


class DiskFull(ModelDownloadFailed):
    """No room; what has been fetched is kept and resumed next time. No other source helps."""


class Downloader:
    """Fetches files; remembers for its lifetime (one run) which hosts do not answer."""

    def __init__(self, progress: Progress | None = None, *, reach_seconds: float = REACH_SECONDS) -> None:
        self._progress: Progress = progress or (lambda name, done, total: None)
        self._reach_seconds = reach_seconds
        self._unreachable: set[str] = set()
        timeout = httpx.Timeout(_STALL_SECONDS, connect=reach_seconds)
        self._client = httpx.Client(follow_redirects=True, timeout=timeout)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fetch(self, url: str, file: ModelFile, target: Path) -> None:
        """Fetch `url` to `target`. Raises SourceUnreachable, DiskFull or ModelDownloadFailed.

        A file with the wrong size or checksum is deleted; a broken transfer is resumed, now and next time.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._transfer(url, file, part)
                break
            except (httpx.TransportError, httpx.StreamError) as error:
                if attempt == _ATTEMPTS:
                    text = f"{file.path}: transfer broke off {attempt} times; the part is kept for next time"
                    raise ModelDownloadFailed(text) from error
        problem = check_file(part, file)
        if problem:
            _forget(part)
            raise ModelDownloadFailed(f"{problem}: refused and deleted ({_host(url)})")
        os.replace(part, target)
        _note(part).unlink(missing_ok=True)

    def _transfer(self, url: str, file: ModelFile, part: Path) -> None:
        headers = _resume_headers(url, part)
        if part.is_file() and part.stat().st_size >= file.size and headers:
            return  # complete before it could be checked
        response = self._open(url, headers)
        try:
            start = _start_of(response, part)
            need = file.size - start
            free = shutil.disk_usage(part.parent).free
            if free < need + _SPARE_BYTES:
                raise DiskFull(
                    f"{file.path} needs {need >> 20} MB more, {free >> 20} MB are free on {part.parent}"
                )
            if start == 0:
                record = {"url": url, "etag": response.headers.get("etag", "")}
                _note(part).write_text(json.dumps(record), encoding="utf-8")
            self._write(response, file, part, start)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFull(
                    f"disk full while writing {file.path}; the part is kept for next time"
                ) from error
            raise
        finally:
            response.close()

    def _write(self, response: httpx.Response, file: ModelFile, part: Path, start: int) -> None:
        done = start
        with part.open("r+b" if start else "wb") as stream:
            stream.seek(start)
            for block in response.iter_raw():
                done += len(block)
                if done > file.size:
                    stream.close()
                    _forget(part)
                    raise ModelDownloadFailed(f"{file.path}: the server sends more than {file.size} bytes")
                stream.write(block)
                self._progress(file.path, done, file.size)
            stream.truncate()
            stream.flush()
            os.fsync(stream.fileno())
        if done < file.size and response.headers.get("content-length") is None:
            raise httpx.RemoteProtocolError("the body ended early")

    def _open(self, url: str, headers: dict[str, str]) -> httpx.Response:
        """Response with unread body, within the time that an unreachable source may cost."""
        host = _host(url)
        if host in self._unreachable:
            raise SourceUnreachable(f"{host} did not answer earlier in this run")
        answers: queue.SimpleQueue[httpx.Response | httpx.HTTPError] = queue.SimpleQueue()

        def ask() -> None:
            request = self._client.build_request(
                "GET", url, headers={"accept-encoding": "identity", **headers}
            )
            try:
                answers.put(self._client.send(request, stream=True))
            except httpx.HTTPError as error:
                answers.put(error)

        # A thread, because a name look-up obeys no time limit of ours.
        threading.Thread(target=ask, name="download", daemon=True).start()
        try:
            answer = answers.get(timeout=self._reach_seconds)
        except queue.Empty:
            self._unreachable.add(host)
            raise SourceUnreachable(f"{host} did not answer in {self._reach_seconds:g} s") from None
        if isinstance(answer, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError):
            raise answer  # something answers there: worth another try
        if isinstance(answer, httpx.HTTPError):
            self._unreachable.add(host)
            raise SourceUnreachable(f"{host}: {type(answer).__name__}") from answer
        if answer.status_code not in {200, 206, 416}:
            answer.close()
            raise ModelDownloadFailed(f"{host} answers {answer.status_code} for {url}")
        return answer


def _resume_headers(url: str, part: Path) -> dict[str, str]:
    """Range request for the rest, when what we have is of the same URL and carries a strong validator."""
    try:
        record = json.loads(_note(part).read_text(encoding="utf-8"))
        size = part.stat().st_size
    except (OSError, ValueError):
        return {}
    etag = str(record.get("etag", ""))
    if record.get("url") != url or size == 0:
        return {}
    headers = {"range": f"bytes={size}-"}
    if etag and not etag.startswith("W/"):
        headers["if-range"] = etag
    return headers


def _start_of(response: httpx.Response, part: Path) -> int:
    """Offset of the body's first byte; 0 means the whole file comes again."""
    if response.status_code == 416:
        _forget(part)
        raise httpx.RemoteProtocolError("range not satisfiable: starting over")
    if response.status_code == 200:
        return 0
    match = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("content-range", ""))
    if match is None or int(match[1]) > part.stat().st_size:
        _forget(part)
        raise httpx.RemoteProtocolError("unusable Content-Range: starting over")
    return int(match[1])


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _host(url: str) -> str:
    return urlsplit(url).netloc
