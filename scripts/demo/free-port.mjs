// Prints the port that was asked for, or another one where it is taken.
import { createServer } from "node:net";

const wanted = Number(process.argv[2]);
const server = createServer();
server.on("error", () => server.listen(0, "127.0.0.1"));
server.on("listening", () => {
  console.log(server.address().port);
  server.close();
});
server.listen(wanted, "127.0.0.1");
