"""A small real DNS server on UDP: it answers TXT questions from a dict, and NXDOMAIN for every other name."""

from __future__ import annotations

import socketserver
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class DnsServer:
    """Serves ``records`` (name → texts) at ``place`` ("127.0.0.1:port") while entered."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        server = self

        class Answering(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                sock.sendto(server._answer(data), self.client_address)

        self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answering)
        self.place = f"127.0.0.1:{self._udp.server_address[1]}"

    def _answer(self, data: bytes) -> bytes:
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        name = asked.question[0].name
        texts = self.records.get(name.to_text(omit_final_dot=True))
        if texts:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in texts)))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()

    def __enter__(self) -> DnsServer:
        Thread(target=self._udp.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._udp.shutdown()
        self._udp.server_close()
