"""A mail server on loopback that keeps what it is sent."""

import asyncio
import email
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import policy
from email.message import EmailMessage
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope


class Mailbox:
    """What came, parsed, and where it listens (host:port)."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.address = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Keep a mail."""
        self.mails.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@asynccontextmanager
async def mail_server() -> AsyncIterator[Mailbox]:
    """A mailbox that is served while the context lasts."""
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(partial(SMTP, box), "127.0.0.1", 0)
    async with server:
        box.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield box
