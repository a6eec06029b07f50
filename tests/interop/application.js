// An application built on the npm package `smpp`, for the tests of the SMPP door.
//
// Its arguments are the port, the kind of bind, the password and a list of messages, each with what its submit_sm is to
// hold; one that names its "command" is another request than that. It submits them all at once and prints one JSON
// document a line: {"bound"} with the status, {"submitted"} and {"queried"} for each message, {"answered"} for each other
// request, {"receipt"} for each deliver_sm, {"alive"} when its enquire_link is answered, and {"closed"} when the line
// ends. When its standard input ends it unbinds and ends, so that it never outlives the test that started it.
'use strict';

const smpp = require('smpp');

const [port, kind, password, messages] = process.argv.slice(2);
const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` }, () => {
  session[`bind_${kind}`]({ system_id: 'shop', password }, (answer) => {
    say({ bound: answer.command_status });
    if (answer.command_status !== 0) return;
    JSON.parse(messages).forEach((fields, number) => (fields.command ? request(fields) : submit(fields, number)));
    session.enquire_link((alive) => say({ alive: alive.command_status }));
  });
});
session.on('error', (error) => say({ problem: error.message }));
session.on('close', () => say({ closed: true }));
session.on('enquire_link', (pdu) => session.send(pdu.response()));
session.on('unbind', (pdu) => session.send(pdu.response(), () => session.close()));
session.on('deliver_sm', (pdu) => {
  session.send(pdu.response());
  say({
    receipt: {
      id: String(pdu.receipted_message_id),
      state: pdu.message_state,
      esm_class: pdu.esm_class,
      text: String(pdu.short_message.message),
      from: pdu.source_addr,
      to: pdu.destination_addr,
    },
  });
});
process.stdin.on('end', leave).resume();

// A user data header is given as a list of octets.
function submit(fields, number) {
  const { udh, message } = fields.short_message;
  if (udh) fields.short_message = { udh: Buffer.from(udh), message };
  session.submit_sm(fields, (answer) => {
    say({ submitted: { number, status: answer.command_status, id: answer.message_id } });
    if (answer.command_status !== 0) return;
    session.query_sm({ message_id: answer.message_id }, (found) => {
      say({ queried: { number, status: found.command_status, id: found.message_id, state: found.message_state } });
    });
  });
}

function request({ command, ...fields }) {
  session.send(new smpp.PDU(command, fields), (answer) => {
    say({ answered: { command: answer.command, status: answer.command_status } });
  });
}

function leave() {
  setTimeout(() => process.exit(1), 10000);
  session.unbind(() => process.exit(0));
}

function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}
