/** All areas of the contract suite. An area is a file here and a record beside it (../record/AREA.json). */
import type { ContractCase } from "../harness/case.ts";
import { CASES as connections } from "./connections.ts";
import { CASES as http1Requests } from "./http1-requests.ts";
import { CASES as localReplies } from "./local-replies.ts";
import { CASES as routeActions } from "./route-actions.ts";
import { CASES as upstreamAnswers } from "./upstream-answers.ts";

export const AREAS: ReadonlyMap<string, readonly ContractCase[]> = new Map([
  ["connections", connections],
  ["http1-requests", http1Requests],
  ["local-replies", localReplies],
  ["route-actions", routeActions],
  ["upstream-answers", upstreamAnswers],
]);
