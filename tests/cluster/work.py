"""What clients on the hosts are asked to do: functions, for `Client.call`."""

from __future__ import annotations

import socket

_sockets: dict[int, socket.socket] = {}


def listen(port: int) -> None:
    """Take datagrams in from now on."""
    _sockets[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _sockets[port].bind(("", port))
    _sockets[port].settimeout(60.0)


def hear(port: int) -> str:
    """The next datagram."""
    return _sockets[port].recv(100).decode()


def say(address: str, port: int, what: str) -> None:
    """Send a datagram, which may get lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(what.encode(), (address, port))
