/** `backend.ts PORT LOG`: answers every request with its id, after having noted that it was executed. */
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const [port = "", log = ""] = process.argv.slice(2);

const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const id = String(request.headers["x-id"]);
    // On disk before the answer: a SIGKILL loses nothing that a client may have heard of.
    appendFileSync(log, `${id}\n`);
    response.end(id);
  });
});
// Who closes idle connections is the proxy: a request that meets a close could not be told from one that was executed.
server.keepAliveTimeout = 0;
server.listen(Number(port), "127.0.0.1", () => process.send?.("listening"));
