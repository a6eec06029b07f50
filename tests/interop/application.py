"""An application built on the library `smpplib`, for the tests of the SMPP door.

Its arguments are the port, the kind of bind, the password and a list of messages, each with its text, who it goes to
and, if it is long, whether it goes "by" a header (which is usual), by "sar" parameters or as a "payload". It submits them
all at once and prints one JSON document a line: {"bound"} with the status, {"submitted"} and {"queried"} for each part,
and {"receipt"} for each deliver_sm. When its standard input ends it unbinds and ends, so that it never outlives the test
that started it.
"""

import json
import select
import sys
import threading

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
import smpplib.smpp

SAR_REFERENCE = 7
LOOK_EVERY_S = 0.05


def main():
    port, kind, password, messages = sys.argv[1:]
    leaving = threading.Event()
    threading.Thread(target=watch_stdin, args=[leaving], daemon=True).start()
    client = smpplib.client.Client("127.0.0.1", int(port), allow_unknown_opt_params=True)
    numbers = {}
    client.set_message_sent_handler(lambda pdu: submitted(client, numbers, pdu))
    client.set_message_received_handler(receipt)
    client.set_query_resp_handler(lambda pdu: queried(numbers, pdu))
    client.set_error_pdu_handler(lambda pdu: refused(client, numbers, pdu))
    client.connect()
    try:
        getattr(client, f"bind_{kind}")(system_id="shop", password=password)
    except smpplib.exceptions.PDUError as error:
        say({"bound": error.args[1]})
        return
    say({"bound": 0})
    for message in json.loads(messages):
        for fields in parts(message):
            numbers[submit(client, message["to"], fields)] = len(numbers)
    client.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=client))
    while not leaving.is_set():
        readable, _, _ = select.select([client._socket], [], [], LOOK_EVERY_S)
        if readable:
            client.read_once()
    client.unbind()
    client.disconnect()


def parts(message):
    """What each submit_sm of the message holds beside its addresses."""
    text, by = message["text"], message.get("by", "header")
    if by == "payload":
        return [{"message_payload": smpplib.gsm.gsm_encode(text), "data_coding": 0}]
    contents, data_coding, esm_class = smpplib.gsm.make_parts(text, use_udhi=by == "header")
    usual = {"data_coding": data_coding, "esm_class": esm_class}
    if by == "header":
        return [{"short_message": content, **usual} for content in contents]
    return [
        {
            "short_message": content,
            "sar_msg_ref_num": SAR_REFERENCE,
            "sar_total_segments": len(contents),
            "sar_segment_seqnum": number,
            **usual,
        }
        for number, content in enumerate(contents, start=1)
    ]


def submit(client, to, fields):
    """Its sequence number."""
    pdu = client.send_message(
        source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
        source_addr="Py",
        dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
        dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
        destination_addr=to,
        registered_delivery=1,
        **fields,
    )
    return pdu.sequence


def submitted(client, numbers, pdu):
    identity = pdu.message_id.decode() if getattr(pdu, "message_id", None) else None
    say({"submitted": {"number": numbers[pdu.sequence], "status": pdu.status, "id": identity}})
    # The library itself refuses to query on a transmitter.
    if identity and client.state in smpplib.consts.COMMAND_STATES["query_sm"]:
        query = client.query_message(
            message_id=identity, source_addr_ton=smpplib.consts.SMPP_TON_ALNUM, source_addr="Py"
        )
        numbers[query.sequence] = numbers[pdu.sequence]


def queried(numbers, pdu):
    identity = pdu.message_id.decode() if pdu.message_id else None
    say({"queried": {"number": numbers[pdu.sequence], "status": pdu.status, "id": identity}})


def refused(client, numbers, pdu):
    if pdu.command == "query_sm_resp":
        say({"queried": {"number": numbers[pdu.sequence], "status": pdu.status, "id": None}})
    else:
        submitted(client, numbers, pdu)


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


def watch_stdin(leaving):
    sys.stdin.read()
    leaving.set()


def say(document):
    print(json.dumps(document), flush=True)


main()
