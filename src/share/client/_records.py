"""``Share(logging=True)``, the owner's half: a thread that hands the coordinator's log records to the handlers here."""

import logging
import os
import select
import socket
import threading
from collections.abc import Iterator

from share import cerial
from share._program import record_address

__all__ = ["RecordReceiver"]

log = logging.getLogger("share")


class RecordReceiver:
    """Listens until the coordinator, or the last of its successors, has ended."""

    def __init__(self, name: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(record_address(name))
        self.listener.listen()
        self.listener.setblocking(False)
        self.ended, self.end = os.pipe2(os.O_CLOEXEC)
        self.thread = threading.Thread(target=self._run, name="share-records", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        connections: dict[int, socket.socket] = {}
        poller = select.poll()
        for descriptor in (self.listener.fileno(), self.ended):
            poller.register(descriptor, select.POLLIN)
        ending = False
        while not ending or connections:
            for descriptor, _ in poller.poll():
                if descriptor in connections:
                    if not self._receive(connections[descriptor]):
                        poller.unregister(descriptor)
                        connections.pop(descriptor).close()
                    continue
                for connection in self._accept():
                    connections[connection.fileno()] = connection
                    poller.register(connection, select.POLLIN)
                if descriptor == self.ended:
                    ending = True
                    poller.unregister(descriptor)

    def _accept(self) -> Iterator[socket.socket]:
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return  # nobody, or nobody any more
            if peer_of(connection) == os.geteuid():
                yield connection
            else:
                connection.close()

    def _receive(self, connection: socket.socket) -> bool:
        """Handles one record. False at the end."""
        try:
            data = connection.recv(1 << 20)
        except OSError:
            return False
        if not data:
            return False
        try:
            record = logging.makeLogRecord(cerial.loads(data))
            logger = logging.getLogger(record.name)
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)
        except Exception:
            log.exception("a log record of the coordinator could not be handled")
        return True

    def finish(self) -> None:
        """The coordinator has ended: handles what it has sent, and ends the thread."""
        if threading.current_thread() is not self.thread and self.end >= 0:
            os.write(self.end, b"x")
            self.thread.join(5)
            self.listener.close()
            os.close(self.end)
            if not self.thread.is_alive():
                os.close(self.ended)
            self.end = -1


def peer_of(connection: socket.socket) -> int:
    """The user at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], "little")
