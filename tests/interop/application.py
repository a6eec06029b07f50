"""An application built on the library `smpplib`, for the tests of the SMPP door.

Its arguments are the port, the kind of bind, the password and a list of messages. It submits them all at once and prints
one JSON document a line: {"bound"} with the status, {"submitted"} for each part and {"receipt"} for each deliver_sm.
It ends when its standard input ends, so that it never outlives the test that started it.
"""

import json
import os
import sys
import threading

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm


def main():
    port, kind, password, messages = sys.argv[1:]
    threading.Thread(target=end_with_stdin, daemon=True).start()
    client = smpplib.client.Client("127.0.0.1", int(port), allow_unknown_opt_params=True)
    numbers = {}
    number = 0
    client.set_message_sent_handler(lambda pdu: submitted(numbers, pdu))
    client.set_message_received_handler(receipt)
    client.set_error_pdu_handler(lambda pdu: submitted(numbers, pdu))
    client.connect()
    try:
        getattr(client, f"bind_{kind}")(system_id="shop", password=password)
    except smpplib.exceptions.PDUError as refused:
        say({"bound": refused.args[1]})
        return
    say({"bound": 0})
    for message in json.loads(messages):
        parts, data_coding, esm_class = smpplib.gsm.make_parts(message["text"])
        for part in parts:
            pdu = client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
                source_addr="Py",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
                destination_addr=message["to"],
                short_message=part,
                data_coding=data_coding,
                esm_class=esm_class,
                registered_delivery=1,
            )
            numbers[pdu.sequence] = number
            number += 1
    client.listen()


def submitted(numbers, pdu):
    identity = pdu.message_id.decode() if getattr(pdu, "message_id", None) else None
    say({"submitted": {"number": numbers[pdu.sequence], "status": pdu.status, "id": identity}})


def receipt(pdu):
    say(
        {
            "receipt": {
                "id": pdu.receipted_message_id.decode(),
                "state": int.from_bytes(pdu.message_state, "big")
                if isinstance(pdu.message_state, bytes)
                else pdu.message_state,
                "text": pdu.short_message.decode(),
                "from": pdu.source_addr.decode(),
                "to": pdu.destination_addr.decode(),
            }
        }
    )
    return smpplib.consts.SMPP_ESME_ROK


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


def say(document):
    print(json.dumps(document), flush=True)


main()
