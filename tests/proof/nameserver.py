"""A name server on loopback that knows the few names of a zone and nothing else: enough for SPF, DKIM and DMARC offline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], str]
"""(name with its final dot, type) -> the record as a zone file has it."""


def answer(query: dns.message.Message, zone: Zone) -> dns.message.Message:
    """What the zone says; a name that it does not know does not exist."""
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA | dns.flags.RA
    (question,) = query.question
    name = question.name.to_text().lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    if record := zone.get((name, kind)):
        response.answer.append(dns.rrset.from_text(name, 60, dns.rdataclass.IN, kind, record))
    elif not any(known == name or known.endswith(f".{name}") for known, _ in zone):
        response.set_rcode(dns.rcode.NXDOMAIN)
    return response


@contextmanager
def running_name_server(zone: Zone) -> Iterator[int]:
    """Answers over UDP on a free port of loopback, which is given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.2)
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(listening, zone, over), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join(5)


def _serve(listening: socket.socket, zone: Zone, over: threading.Event) -> None:
    while not over.is_set():
        try:
            packet, asker = listening.recvfrom(4096)
        except TimeoutError:
            continue
        listening.sendto(answer(dns.message.from_wire(packet), zone).to_wire(), asker)
