"""A small real DNS server on UDP: TXT and address questions from dicts, and NXDOMAIN for every other name. It fails on purpose."""

from __future__ import annotations

import socketserver
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class DnsServer:
    """Serves ``records`` (name → texts) at ``place`` ("127.0.0.1:port") while entered."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        # What a name leads to, one answer after the other; the last stays. "CNAME x" leads on to another name.
        self.addresses: dict[str, list[list[str]]] = {}
        self.faults: dict[str, str] = {}  # name → "servfail", "silent" or "loop" (a CNAME that leads back)
        self.asked: list[str] = []
        server = self

        class Answering(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                if answer := server._answer(data):
                    sock.sendto(answer, self.client_address)

        self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answering)
        self.place = f"127.0.0.1:{self._udp.server_address[1]}"

    def _answer(self, data: bytes) -> bytes:
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        name = asked.question[0].name
        said = name.to_text(omit_final_dot=True)
        self.asked.append(said)
        if fault := self.faults.get(said):
            return self._fail(answer, said, fault)
        if said in self.addresses and asked.question[0].rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            self._lead(answer, said, asked.question[0].rdtype)
            return answer.to_wire()
        texts = self.records.get(name.to_text(omit_final_dot=True))
        if texts:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in texts)))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()

    def _fail(self, answer: dns.message.Message, name: str, fault: str) -> bytes:
        if fault == "silent":
            return b""
        if fault == "servfail":
            answer.set_rcode(dns.rcode.SERVFAIL)
        for here, there in ((name, f"loop.{name}"), (f"loop.{name}", name)) if fault == "loop" else ():
            answer.answer.append(dns.rrset.from_text(f"{here}.", 0, "IN", "CNAME", f"{there}."))
        return answer.to_wire()

    def _lead(self, answer: dns.message.Message, name: str, kind: dns.rdatatype.RdataType) -> None:
        waiting = self.addresses[name]
        # Both families are asked for; an answer is used up by the question for IPv4.
        now = waiting.pop(0) if len(waiting) > 1 and kind == dns.rdatatype.A else waiting[0]
        for value in now:
            if value.startswith("CNAME "):
                target = value.removeprefix("CNAME ")
                answer.answer.append(dns.rrset.from_text(f"{name}.", 0, "IN", "CNAME", f"{target}."))
                self._lead(answer, target, kind)
            elif (":" in value) == (kind == dns.rdatatype.AAAA):
                answer.answer.append(dns.rrset.from_text(f"{name}.", 0, "IN", kind, value))

    def __enter__(self) -> DnsServer:
        Thread(target=self._udp.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._udp.shutdown()
        self._udp.server_close()
