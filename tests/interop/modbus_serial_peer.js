// A PLC made of the npm package modbus-serial. Registers are filled by Node's own encoders, in every order of bytes.
// Prints one line of JSON: its port, and where it keeps which value.
"use strict";

const { ServerTCP } = require("modbus-serial");

const registers = new Map();
const items = [];
let next = 0;

function put(name, type, order, value, bytes) {
    items.push({ name, type, order, address: next, value: String(value) });
    for (let at = 0; at < bytes.length; at += 2) {
        registers.set(next++, bytes.readUInt16BE(at));
    }
}

// Bytes as the letters of an order say, A being the most significant.
function arrange(big, order) {
    return Buffer.from([...order].map((letter) => big[letter.charCodeAt(0) - "A".charCodeAt(0)]));
}

const orders = {
    4: ["ABCD", "CDAB", "BADC", "DCBA"],
    8: ["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"],
};
const values = [
    ["float32", 4, "writeFloatBE", 12.5625],
    ["int32", 4, "writeInt32BE", -123456789],
    ["uint32", 4, "writeUInt32BE", 4000000001],
    ["float64", 8, "writeDoubleBE", -1234.0000152587890625],
    ["int64", 8, "writeBigInt64BE", -9007199254740993n],
    ["uint64", 8, "writeBigUInt64BE", 18446744073709551615n],
];
for (const [type, size, write, value] of values) {
    for (const order of orders[size]) {
        const big = Buffer.alloc(size);
        big[write](value);
        put(`${type}-${order}`, type, order, value, arrange(big, order));
    }
}

const HOLES = new Set([203, 207, 208]); // of 200 to 219
for (let address = 200; address < 220; address++) {
    if (!HOLES.has(address)) {
        registers.set(address, address);
    }
}

const LATE = 300; // counts the requests for it, and answers every third long after its time
const LATE_MS = 400;
let asked = 0;

function read(address, unit, answer) {
    if (unit !== 5) {
        answer({ modbusErrorCode: 0x0b, msg: "no such unit" });
    } else if (address === LATE) {
        const count = ++asked;
        setTimeout(() => answer(null, count), count % 3 === 0 ? LATE_MS : 0);
    } else if (registers.has(address)) {
        answer(null, registers.get(address));
    } else {
        answer({ modbusErrorCode: 2, msg: "hole" });
    }
}

const plc = {
    getHoldingRegister: read,
    getInputRegister: read,
    getCoil: (address, unit) => address % 3 === 0,
    getDiscreteInput: (address, unit) => address % 2 === 0,
    readDeviceIdentification: () => ({ 0: "Peers", 1: "modbus-serial", 2: "8" }),
};
const server = new ServerTCP(plc, { host: "127.0.0.1", port: 0, unitID: 255 });
server.on("initialized", () => {
    console.log(JSON.stringify({ port: server._server.address().port, items, late: LATE }));
});
server.on("socketError", () => {}); // clients that hang up are none of its business
process.stdin.on("end", () => process.exit(0)).resume(); // ends with who started it
