// A vendor built on the npm package `smpp`, for the tests to send through.
//
// It prints one JSON document a line: {"port"} once it listens, {"received"} for each whole message, {"receipt"} for
// each receipt that was answered, and {"problem"} for whatever a well-behaved client does not do. It ends when its
// standard input ends, so that it never outlives the test that started it.
//
// The package decodes each part by itself: a character that is split between two parts does not survive it.
'use strict';

const smpp = require('smpp');

const ACCOUNT = { system_id: 'buyer', password: 'secret' };
const RECEIPT_DELAY_MS = 50;
const BINDS = {
  bind_transceiver: { submits: true, receives: true },
  bind_transmitter: { submits: true, receives: false },
  bind_receiver: { submits: false, receives: true },
};

// A message whose parts are not all there yet, by who sends to whom under which reference.
const assemblies = new Map();
// Where receipts can go.
const receivers = new Set();
let messages = 0;

const server = smpp.createServer(serve);
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
process.stdin.on('end', () => process.exit(0)).resume();

function serve(session) {
  let bind = null;
  session.on('error', (error) => problem(error.message));
  session.on('close', () => receivers.delete(session));
  session.on('unknown', (pdu) => session.send(pdu.response()));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => session.send(pdu.response(), () => session.close()));
  for (const [command, can] of Object.entries(BINDS)) {
    session.on(command, (pdu) => {
      if (pdu.system_id !== ACCOUNT.system_id || pdu.password !== ACCOUNT.password) {
        problem(`${command} as ${pdu.system_id} with a wrong password`);
        session.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }), () => session.close());
        return;
      }
      bind = can;
      if (can.receives) receivers.add(session);
      session.send(pdu.response({ system_id: 'vendor-js', sc_interface_version: 0x34 }));
    });
  }
  session.on('submit_sm', (pdu) => {
    if (!bind || !bind.submits) {
      problem('submit_sm without a bind that submits');
      session.send(pdu.response({ command_status: smpp.ESME_RINVBNDSTS }));
      return;
    }
    submit(session, pdu);
  });
}

function submit(session, pdu) {
  messages += 1;
  // Letters and a leading zero, so that nothing can take it for a number.
  const id = `0js${messages.toString(16).padStart(8, '0')}`;
  session.send(pdu.response({ message_id: id }));
  if ((pdu.registered_delivery & 0x03) === 1) {
    setTimeout(() => report(session, pdu, id), RECEIPT_DELAY_MS);
  } else {
    problem(`a message without a request for a receipt (registered_delivery ${pdu.registered_delivery})`);
  }
  const message = assemble(pdu, id);
  if (message) say({ received: message });
}

// The whole message, once its last part is there.
function assemble(pdu, id) {
  const content = pdu.message_payload || pdu.short_message;
  const place = concatenation(content.udh || []);
  const key = JSON.stringify([pdu.source_addr, pdu.destination_addr, place.reference, place.total]);
  const assembly = assemblies.get(key) || { parts: new Map(), ids: new Map() };
  assemblies.set(key, assembly);
  if (place.number < 1 || place.number > place.total) problem(`part ${place.number} of ${place.total}`);
  if (assembly.parts.has(place.number)) problem(`part ${place.number} of ${place.total} came twice`);
  assembly.parts.set(place.number, content.message);
  assembly.ids.set(place.number, id);
  if (assembly.parts.size < place.total) return null;
  assemblies.delete(key);
  const inOrder = (map) => [...map.entries()].sort((one, other) => one[0] - other[0]).map((entry) => entry[1]);
  return {
    to: pdu.destination_addr,
    from: pdu.source_addr,
    text: inOrder(assembly.parts).join(''),
    parts: place.total,
    ids: inOrder(assembly.ids),
    data_coding: pdu.data_coding,
  };
}

// Which part it is, by the information elements with 8 or 16 bits of reference.
function concatenation(udh) {
  for (const element of udh) {
    if (element[0] === 0x00) return { reference: element[2], total: element[3], number: element[4] };
    if (element[0] === 0x08) {
      return { reference: element.readUInt16BE(2), total: element[4], number: element[5] };
    }
  }
  return { reference: null, total: 1, number: 1 };
}

function report(session, pdu, id) {
  const receiver = receivers.has(session) ? session : receivers.values().next().value;
  if (!receiver) {
    problem(`no bind is there for the receipt of ${id}`);
    return;
  }
  const date = new Date().toISOString().replace(/[-:T]/g, '').slice(2, 12);
  const text =
    `id:${id} sub:001 dlvrd:001 submit date:${date} done date:${date} stat:DELIVRD err:000 text:`;
  const receipt = {
    source_addr_ton: pdu.dest_addr_ton,
    source_addr_npi: pdu.dest_addr_npi,
    source_addr: pdu.destination_addr,
    dest_addr_ton: pdu.source_addr_ton,
    dest_addr_npi: pdu.source_addr_npi,
    destination_addr: pdu.source_addr,
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    data_coding: 0,
    short_message: Buffer.from(text, 'ascii'),
    receipted_message_id: id,
    message_state: smpp.MESSAGE_STATE.DELIVERED,
  };
  receiver.deliver_sm(receipt, (answer) => {
    if (answer.command_status) problem(`the receipt of ${id} was answered with ${answer.command_status}`);
    else say({ receipt: id });
  });
}

function problem(what) {
  say({ problem: what });
}

function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}
