"""A mail server on loopback that keeps what it is sent."""

import email
import socketserver
import threading
from email import policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self

_ANSWERS = {b"DATA": b"354 go on", b"QUIT": b"221 bye"}


class Mailbox:
    """Serves while the context lasts: as much of SMTP (RFC 5321) as it takes to be given a mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        box = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 mailbox\r\n")
                for line in self.rfile:
                    verb = line.split()[0].upper()
                    self.wfile.write(_ANSWERS.get(verb, b"250 ok") + b"\r\n")
                    if verb == b"DATA":
                        lines = iter(self.rfile.readline, b".\r\n")
                        box.mails.append(email.message_from_bytes(b"".join(lines), policy=policy.default))
                        self.wfile.write(b"250 taken\r\n")
                    elif verb == b"QUIT":
                        return

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
