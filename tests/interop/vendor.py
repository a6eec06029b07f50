"""A vendor built on the PyPI package `smpp.twisted3`, for the tests to send through.

It prints one JSON document a line: {"port"} once it listens, {"received"} for each whole message, {"receipt"} for
each receipt that was answered, and {"problem"} for whatever a well-behaved client does not do. It ends when its
standard input ends, so that it never outlives the test that started it.

The package is strict where others are not: a field with a value that it does not know, or a TLV that does not belong
to its PDU, is an error. It knows no GSM alphabet (its own decoder reads it as ASCII), so the alphabet is here. And it
prints as it reads relative times, so that standard output is taken from it.
"""

import itertools
import json
import logging
import struct
import sys
import threading
import time

from smpp.pdu.operations import DeliverSM
from smpp.pdu.pdu_types import (
    CommandId,
    CommandStatus,
    DataCoding,
    DataCodingDefault,
    DataCodingScheme,
    EsmClass,
    EsmClassMode,
    EsmClassType,
    MessageState,
    RegisteredDeliveryReceipt,
)
from smpp.pdu.sm_encoding import SMStringEncoder
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import SMPPServerFactory
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from zope.interface import implementer

SYSTEM_ID, PASSWORD = "buyer", "secret"
RECEIPT_DELAY_S = 0.05
ANSWER_TIMEOUT_S = 10
RECEIVING_BINDS = (CommandId.bind_transceiver, CommandId.bind_receiver)

OUTPUT, sys.stdout = sys.stdout, sys.stderr

ESCAPE = 0x1B
GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


class Vendor:
    def __init__(self):
        self.numbers = itertools.count(1)
        # The parts of a message until all are there, by who sends to whom under which reference.
        self.assemblies = {}
        self.factory = None

    def submit(self, _system_id, session, pdu):
        """Answers one submit_sm; what comes back from here becomes its response."""
        if pdu.id != CommandId.submit_sm:
            problem(f"{pdu.id} came")
            return CommandStatus.ESME_RINVCMDID
        # Zeros in front and more than twenty digits: it fits in no machine word.
        message_id = f"{next(self.numbers):022d}"
        if pdu.params["registered_delivery"].receipt == RegisteredDeliveryReceipt.SMSC_DELIVERY_RECEIPT_REQUESTED:
            reactor.callLater(RECEIPT_DELAY_S, self.report, session, pdu, message_id)
        else:
            problem(f"a message without a request for a receipt ({pdu.params['registered_delivery']})")
        self.assemble(pdu, message_id)
        return DataHandlerResponse(status=CommandStatus.ESME_ROK, message_id=message_id.encode())

    def assemble(self, pdu, message_id):
        _, header, body = SMStringEncoder().splitSM(pdu)
        reference, total, number = concatenation(header)
        if not 1 <= number <= total:
            problem(f"part {number} of {total}")
        sender, recipient = pdu.params["source_addr"].decode(), pdu.params["destination_addr"].decode()
        key = (sender, recipient, reference, total)
        parts = self.assemblies.setdefault(key, {})
        if number in parts:
            problem(f"part {number} of {total} came twice")
        parts[number] = (decode(body, pdu.params["data_coding"]), message_id)
        if len(parts) < total:
            return
        del self.assemblies[key]
        ordered = [parts[number] for number in sorted(parts)]
        received = {
            "to": recipient,
            "from": sender,
            "text": "".join(text for text, _ in ordered),
            "parts": total,
            "ids": [part_id for _, part_id in ordered],
            "data_coding": 8 if is_ucs2(pdu.params["data_coding"]) else 0,
        }
        say({"received": received})

    def report(self, session, pdu, message_id):
        """Sends the receipt of one part, on the session that it came on where that receives."""
        receiver = session if session.bind_type in RECEIVING_BINDS else self.another_receiver()
        if receiver is None:
            problem(f"no bind is there for the receipt of {message_id}")
            return
        date = time.strftime("%y%m%d%H%M", time.gmtime())
        text = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:{date} done date:{date} stat:DELIVRD err:000 text:"
        )
        receipt = DeliverSM(
            source_addr_ton=pdu.params["dest_addr_ton"],
            source_addr_npi=pdu.params["dest_addr_npi"],
            source_addr=pdu.params["destination_addr"],
            dest_addr_ton=pdu.params["source_addr_ton"],
            dest_addr_npi=pdu.params["source_addr_npi"],
            destination_addr=pdu.params["source_addr"],
            esm_class=EsmClass(EsmClassMode.DEFAULT, EsmClassType.SMSC_DELIVERY_RECEIPT),
            data_coding=DataCoding(),
            short_message=text.encode("ascii"),
            receipted_message_id=message_id.encode(),
            message_state=MessageState.DELIVERED,
        )
        answered = receiver.sendRequest(receipt, ANSWER_TIMEOUT_S)
        answered.addCallbacks(
            lambda _: say({"receipt": message_id}),
            lambda failure: problem(f"the receipt of {message_id}: {failure.getErrorMessage()}"),
        )

    def another_receiver(self):
        binds = self.factory.getBoundConnections(SYSTEM_ID) or ()
        return next((bind for bind in binds if bind.bind_type in RECEIVING_BINDS), None)


def concatenation(header):
    """Reference, total and number of a part, by the information elements with 8 or 16 bits of reference."""
    elements = (header or b"\x00")[1:]
    while elements:
        identifier, length = elements[0], elements[1]
        data, elements = elements[2 : 2 + length], elements[2 + length :]
        if identifier == 0x00:
            return struct.unpack("!BBB", data)
        if identifier == 0x08:
            return struct.unpack("!HBB", data)
    return None, 1, 1


def decode(body, data_coding):
    if is_ucs2(data_coding):
        # Strict: half of a surrogate pair at the edge of a part is an error.
        return body.decode("utf-16-be")
    if data_coding.schemeData != DataCodingDefault.SMSC_DEFAULT_ALPHABET:
        problem(f"{data_coding} came")
    text, octets = "", iter(body)
    for octet in octets:
        text += GSM_EXTENSION[next(octets)] if octet == ESCAPE else GSM[octet]
    return text


def is_ucs2(data_coding):
    return data_coding.scheme == DataCodingScheme.DEFAULT and data_coding.schemeData == DataCodingDefault.UCS2


@implementer(IRealm)
class Realm:
    """Whoever knows the password may bind."""

    def requestAvatar(self, avatar_id, mind, *interfaces):
        return interfaces[0], avatar_id, lambda: None


class Complaints(logging.Handler):
    """What the package refuses it only logs."""

    def emit(self, record):
        problem(record.getMessage())


def say(document):
    print(json.dumps(document), file=OUTPUT, flush=True)


def problem(what):
    say({"problem": what})


def end_with_stdin():
    sys.stdin.read()
    reactor.callFromThread(reactor.stop)


def main():
    logging.getLogger("smpp").addHandler(Complaints(logging.ERROR))
    vendor = Vendor()
    config = SMPPServerConfig(systems={SYSTEM_ID: {"max_bindings": 10}}, msgHandler=vendor.submit)
    accounts = InMemoryUsernamePasswordDatabaseDontUse()
    accounts.addUser(SYSTEM_ID, PASSWORD)
    vendor.factory = SMPPServerFactory(config, Portal(Realm(), [accounts]))
    port = reactor.listenTCP(0, vendor.factory, interface="127.0.0.1")
    say({"port": port.getHost().port})
    threading.Thread(target=end_with_stdin, daemon=True).start()
    reactor.run()


main()
