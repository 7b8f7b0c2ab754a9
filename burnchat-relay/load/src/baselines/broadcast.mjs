// A broadcast with Node and the package `ws`, as its documentation has it; no compression.
import { WebSocketServer } from "ws";

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });

server.on("connection", (socket, request) => {
  const room = rooms.get(request.url) ?? new Set();
  rooms.set(request.url, room.add(socket));
  socket.on("message", (text) => {
    for (const member of room) member.send(text, { binary: false });
  });
  socket.on("close", () => room.delete(socket));
  socket.on("error", () => {});
});
server.on("listening", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
