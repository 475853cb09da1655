// jsmodbus over tls.connect: writes the setpoint, reads it back, and is refused an address that does not exist.
// Arguments: HOST PORT CA CERTIFICATE KEY UNIT REGISTER VALUE. Prints what it read.
const fs = require("fs");
const tls = require("tls");
const modbus = require("jsmodbus");

const [host, port, ca, certificate, key, unit, register, value] = process.argv.slice(2);
const socket = tls.connect({
  host,
  port: Number(port),
  ca: fs.readFileSync(ca),
  cert: fs.readFileSync(certificate),
  key: fs.readFileSync(key),
});
// jsmodbus waits for "connect", which comes before the handshake: it is handed over when that is done.
const client = new modbus.client.TCP(socket, Number(unit), 10000);

socket.on("secureConnect", async () => {
  try {
    await client.writeSingleRegister(Number(register), Number(value));
    const read = await client.readHoldingRegisters(Number(register), 1);
    console.log("read", read.response.body.valuesAsArray[0]);
    await client.readHoldingRegisters(65000, 1).then(
      () => console.log("an answer"),
      (error) => console.log("exception", error.response.body.code),
    );
  } catch (error) {
    console.log("failed", error);
  }
  socket.end();
});
socket.on("error", (error) => {
  console.log("failed", error.message);
});
