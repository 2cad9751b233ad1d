"""``Share(logging=True)``, the coordinator's half: log records go to the owner, and never in the way of a command."""

import logging
import os
import socket
import sys
import traceback
from typing import Any

from share import cerial
from share._kinds import is_value
from share._program import record_address

__all__ = ["RecordSender"]

_MOST = 1 << 16  # characters of a message, and of a traceback


class RecordSender(logging.Handler):
    """Sends what the kernel's buffer has room for, and counts the rest."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.dropped = 0
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.connection.connect(record_address(name))
        credentials = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if int.from_bytes(credentials[4:8], "little") != os.geteuid():
            raise OSError("another user has the address of the owner's log")
        self.connection.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        if self.dropped:
            note = f"{self.dropped} log records of the coordinator were dropped, as the owner was too slow"
            if not self._send(
                {**_base(record), "msg": note, "levelno": 30, "levelname": "WARNING", "name": "share"}
            ):
                self.dropped += 1
                return
            self.dropped = 0
        if not self._send(_described(record)):
            self.dropped += 1

    def _send(self, fields: dict[str, Any]) -> bool:
        try:
            self.connection.send(cerial.dumps(fields))
        except OSError:
            return False
        return True


def _base(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in record.__dict__.items() if key not in _REPLACED and is_value(value)}


_REPLACED = {"args", "exc_info", "exc_text", "msg", "message", "asctime"}


def _described(record: logging.LogRecord) -> dict[str, Any]:
    fields = {**_base(record), "msg": _text(record.getMessage), "args": None, "exc_info": None}
    if info := record.exc_info:
        fields["exc_text"] = _text(lambda: "".join(traceback.format_exception(*info)).rstrip())
    return fields


def _text(make: Any) -> str:
    try:
        return str(make())[:_MOST]
    except Exception:
        return f"a log record that cannot be shown: {sys.exc_info()[1].__class__.__name__}"
