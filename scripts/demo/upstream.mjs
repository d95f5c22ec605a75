// The server behind the demo's gateway: notes in memory. Prints its port.
import { createServer } from "node:http";

const notes = [
  { id: "first", text: "A portcullis is a gate that falls." },
  { id: "second", text: "This one only lets through what the document says." },
];

const server = createServer(async (request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? undefined : JSON.stringify(body) + "\n");
  };
  const path = new URL(request.url, "http://upstream").pathname;
  const note = notes.find(({ id }) => path === `/notes/${id}`);
  if (path === "/notes" && request.method === "POST") {
    let text = "";
    for await (const chunk of request) text += chunk;
    notes.unshift({ id: `note${notes.length}`, ...JSON.parse(text) });
    return answer(201, notes[0]);
  }
  if (path === "/notes") return answer(200, notes);
  if (path === "/count") return answer(200, { count: notes.length });
  return note ? answer(200, note) : answer(404, { error: "no such note" });
});

server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log(server.address().port));
