/** What is probably not meant in the configuration that is in force. */
import { analyze } from "../analysis/index.ts";
import type { ApiAnswer, ApiContext } from "./http-api.ts";

function list({ pusher, directory }: ApiContext): ApiAnswer {
  return { json: { items: analyze(pusher.current(), directory.diagnostics) } };
}

export const analysisHandlers = { list };
