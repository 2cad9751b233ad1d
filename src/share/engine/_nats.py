"""The engine on NATS JetStream. Of ``nats-py`` only connect, publish, request and subscribe are used."""

import asyncio
import base64
import errno
import json
import re
import threading
import time
import urllib.request
from collections.abc import Coroutine
from typing import Any, TypeVar

from share.engine._engine import PIECE, RETRY, Engine, Record
from share.errors import EngineError, EngineLostError

__all__ = ["NatsEngine"]

T = TypeVar("T")

WRONG_LAST = (
    10071,
    10164,
)  # err_code of a refused append: with the number that it should have been, and without
NOT_FOUND = (10037, 10059)  # of a message, of a stream
IN_USE = 10058  # the name of a stream
NO_ROOM = (10002, 10047)  # for the account, on the server: said before anything is stored
LAG = 30.0  # seconds for which a server may take itself for the leader and be no longer: 10, twice, and some
AT_A_TIME = 256  # records that one read gives


class NatsEngine(Engine):
    """An engine on a NATS server with JetStream: three streams, made when they are not there.

    Args:
        url: ``nats://host:port``, also several with commas between, also ``tls://``.
        share: the share's name: letters, digits, ``-`` and ``_``.
        replicas: on how many servers each record is stored. More than one has not been shown to be safe.
        answer: for how long, in seconds, to wait for any one answer.
        monitor: ``http://host:8222`` of the server, which tells whether it flushes; without it that is not known.

    Raises:
        EngineLostError: there is no server, or it has no JetStream.
        ModuleNotFoundError: ``nats-py`` is missing.
    """

    limit = PIECE

    def __init__(
        self, url: str, share: str, replicas: int = 1, answer: float = 2.0, monitor: str | None = None
    ) -> None:
        super().__init__()
        if not re.fullmatch(r"[\w-]+", share, re.ASCII):
            raise ValueError(f"a share on an engine has a name of letters, digits, - and _, not {share!r}")
        self._share, self._answer, self._monitor = share, answer, monitor
        self._loop = asyncio.new_event_loop()
        self._lost = self._loop.create_future()  # done when the connection is
        self._thread = threading.Thread(target=self._loop.run_forever, name="share-nats", daemon=True)
        self._thread.start()
        self._reader: dict[
            str, tuple[int, str]
        ] = {}  # stream: the last number that its consumer gave, and its name
        try:
            self._run(self._connect(url.split(",")), 5 * answer)
            for stream, subjects, more in (
                ("log", ["log"], {}),
                ("queue", ["queue"], {}),
                ("keys", ["keys.>"], {"max_msgs_per_subject": 1}),
            ):
                self._make(
                    name=self._stream(stream),
                    subjects=[f"share.{share}.{subject}" for subject in subjects],
                    storage="file",
                    num_replicas=replicas,
                    **more,
                )
        except BaseException:
            self.close()
            raise

    async def _connect(self, urls: list[str]) -> None:
        import nats

        async def quiet(error: Exception) -> None:
            """What goes wrong shows in the answers."""

        async def disconnected() -> None:
            self._lost.set_result(None)
            self._lost = self._loop.create_future()

        try:
            self._nats = await nats.connect(
                urls,
                connect_timeout=max(1, round(self._answer)),
                reconnect_time_wait=0.05,
                max_reconnect_attempts=-1,
                pending_size=0,  # what was not sent is not sent later
                error_cb=quiet,
                disconnected_cb=disconnected,
                allow_reconnect=True,
            )
        except (TimeoutError, OSError, nats.errors.Error) as error:
            raise EngineLostError(f"no NATS server at {', '.join(urls)}: {error}") from error

    @property
    def not_durable(self) -> str:
        if self._monitor is None:
            return "the server's setting sync_interval is not known: give the address of its monitoring port"
        try:
            with urllib.request.urlopen(f"{self._monitor}/jsz", timeout=self._answer) as answer:
                config = json.load(answer).get("config", {})
        except (OSError, ValueError) as error:
            return f"the server's monitoring port does not answer: {error}"
        if config.get("sync_always"):
            return ""
        return "the server flushes only now and then: set sync_interval to always"

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if hasattr(self, "_nats"):
            try:
                asyncio.run_coroutine_threadsafe(self._nats.close(), self._loop).result(5)
            except Exception:
                pass
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # -- talking to it ---------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        if self._closed:
            work.close()
            raise EngineLostError("this engine has been closed")
        return asyncio.run_coroutine_threadsafe(self._while_connected(work, timeout), self._loop).result()

    async def _while_connected(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """Does something that ends with the connection: ``nats-py`` would wait for an answer that cannot come."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._lost}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise EngineLostError(f"the NATS server has not answered for {timeout} s, or was lost")
        finally:
            task.cancel()

    def _talk(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """The same, with the errors of ``nats-py`` as ours."""
        import nats

        try:
            return self._run(work, timeout)
        except nats.errors.MaxPayloadError as error:
            raise EngineError(errno.EMSGSIZE, f"the NATS server takes too small messages: {error}") from error
        except (OSError, nats.errors.Error) as error:
            if isinstance(error, EngineLostError):
                raise
            raise EngineLostError(
                f"the NATS server does not answer: {error or type(error).__name__}"
            ) from error

    def _request(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> Any:
        """One message there and one back, as JSON."""

        async def asked() -> Any:
            return await self._nats.request(subject, data, timeout=self._answer, headers=headers)

        answer = json.loads(self._talk(asked(), self._answer + 1).data)
        found = answer.get("error")
        if found and found.get("code", 500) >= 500 and found.get("err_code") not in NO_ROOM:
            raise EngineLostError(f"the NATS server: {found.get('description')}")
        return answer

    def _make(self, **stream: Any) -> None:
        answer = self._request(f"$JS.API.STREAM.CREATE.{stream['name']}", json.dumps(stream).encode())
        if (
            answer.get("error", {}).get("err_code") == IN_USE
        ):  # it is there, with other settings: its operator's
            answer = self._api(f"STREAM.INFO.{stream['name']}")
        if checked(answer)["config"]["num_replicas"] > 1:
            self.lag = LAG

    def _api(self, what: str, **arguments: Any) -> Any:
        answer = self._request(f"$JS.API.{what}", json.dumps(arguments).encode() if arguments else b"")
        return checked(answer)

    def _stream(self, stream: str) -> str:
        return f"share_{self._share}_{stream}"

    def _subject(self, key: str) -> str:
        return f"share.{self._share}.keys.{key.encode().hex()}"

    def _publish(self, subject: str, data: bytes, headers: dict[str, str]) -> int:
        answer = self._request(subject, data, headers)
        if answer.get("error", {}).get("err_code") in WRONG_LAST:
            return 0
        return int(checked(answer)["seq"])

    # -- the adapter -----------------------------------------------------------------------------------------

    def _append(self, stream: str, data: bytes, expected: int | None) -> int:
        headers = {"Nats-Expected-Stream": self._stream(stream)}
        if expected is not None:
            headers["Nats-Expected-Last-Sequence"] = str(expected)
        return self._publish(f"share.{self._share}.{stream}", data, headers)

    def _read(self, stream: str, after: int, wait: float) -> list[Record]:
        until = time.monotonic() + wait
        while True:
            found = self._next(stream, after, AT_A_TIME, 0)
            left = until - time.monotonic()
            if found:
                return found
            if left <= 0:
                if not self._is_behind(stream, after):
                    return found
                if -left > 5 * self._answer:
                    raise EngineLostError(f"a NATS server does not get what follows {after} in the {stream}")
                left = RETRY
            found = self._next(stream, after, 1, min(left, 1.0))
            if found:
                return found

    def _is_behind(self, stream: str, after: int) -> bool:
        """Whether there is more than the consumer gives, whose server does not have it yet."""
        if not self.lag:
            return False
        first, last = self._bounds(stream)
        return max(first - 1, after) < last

    def _next(self, stream: str, after: int, count: int, wait: float) -> list[Record]:
        """Asks a consumer, which is made when there is none that goes on behind ``after``."""
        name = self._stream(stream)
        given, consumer = self._reader.pop(stream, (-1, ""))
        if given != after:
            consumer = self._api(
                f"CONSUMER.CREATE.{name}",
                stream_name=name,
                config={
                    "deliver_policy": "by_start_sequence",
                    "opt_start_seq": after + 1,
                    "ack_policy": "none",
                    "inactive_threshold": 30_000_000_000,
                    "mem_storage": True,
                    "num_replicas": 1,
                },
            )["name"]
        until = time.monotonic() + self._answer
        while True:
            found = self._talk(self._pull(name, consumer, count, wait), wait + self._answer + 1)
            if found is not None:
                break
            if given == after:  # the consumer has gone, with a server perhaps
                return self._next(stream, after, count, wait)
            if time.monotonic() >= until:
                raise EngineLostError("the NATS server has lost a consumer")
            time.sleep(0.01)  # not all servers know the new one yet
        self._reader[stream] = found[-1].number if found else after, consumer
        return found

    async def _pull(self, stream: str, consumer: str, count: int, wait: float) -> list[Record] | None:
        inbox = self._nats.new_inbox()
        subscription = await self._nats.subscribe(inbox)
        try:
            ask: dict[str, Any] = {"batch": count, "max_bytes": 4 * PIECE} if not wait else {"batch": 1}
            ask |= {"expires": int(wait * 1e9)} if wait else {"no_wait": True}
            await self._nats.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", json.dumps(ask).encode(), reply=inbox
            )
            found: list[Record] = []
            while len(found) < count:
                message = await subscription.next_msg(wait + self._answer)
                status = (message.headers or {}).get("Status")
                if status is None:
                    # $JS.ACK.[domain.account.]stream.consumer.delivered.sequence.delivery.time.pending[.token]
                    parts = message.reply.split(".")
                    found.append(Record(int(parts[5] if len(parts) == 9 else parts[7]), message.data))
                elif status in {"404", "408"} or found:  # nothing more, or nothing in time
                    break
                else:
                    return None
            return found
        finally:
            await subscription.unsubscribe()

    def _record(self, number: int) -> bytes | None:
        """Asks the leader, who has refused an append: a consumer may be at a server that is behind."""
        found = self._one("log", seq=number)
        return None if found is None else found[1]

    def _bounds(self, stream: str) -> tuple[int, int]:
        state = self._api(f"STREAM.INFO.{self._stream(stream)}")["state"]
        return max(1, state["first_seq"]), state["last_seq"]

    def _trim(self, stream: str, upto: int) -> None:
        _, last = self._bounds(stream)
        if upto > 0 and last:
            self._api(f"STREAM.PURGE.{self._stream(stream)}", seq=min(upto, last) + 1)

    def _get(self, key: str) -> tuple[int, bytes] | None:
        return self._one("keys", last_by_subj=self._subject(key))

    def _one(self, stream: str, **which: Any) -> tuple[int, bytes] | None:
        """Asks the leader of a stream's servers for one message."""
        data = json.dumps(which).encode()
        answer = self._request(f"$JS.API.STREAM.MSG.GET.{self._stream(stream)}", data)
        if answer.get("error", {}).get("err_code") in NOT_FOUND:
            return None
        message = checked(answer)["message"]
        return message["seq"], base64.b64decode(message.get("data", ""))

    def _set(self, key: str, data: bytes, version: int | None) -> bool:
        headers = {} if version is None else {"Nats-Expected-Last-Subject-Sequence": str(version)}
        return self._publish(self._subject(key), data, headers) != 0

    def _delete(self, key: str) -> None:
        self._api(f"STREAM.PURGE.{self._stream('keys')}", filter=self._subject(key))

    def _keys(self, prefix: str) -> list[str]:
        found: list[str] = []
        while True:
            state = self._api(
                f"STREAM.INFO.{self._stream('keys')}",
                subjects_filter=f"share.{self._share}.keys.>",
                offset=len(found),
            )
            subjects = state["state"].get("subjects") or {}
            found += [bytes.fromhex(subject.rpartition(".")[2]).decode() for subject in subjects]
            if not subjects or len(found) >= state.get("total", 0):
                return [key for key in found if key.startswith(prefix)]


def checked(answer: Any) -> Any:
    """An answer that is no error.

    Raises:
        EngineError: it is one.
    """
    error = answer.get("error")
    if error is not None:
        code = errno.ENOSPC if error.get("err_code") in NO_ROOM else errno.EREMOTEIO
        raise EngineError(code, f"the NATS server: {error.get('description')}")
    return answer
