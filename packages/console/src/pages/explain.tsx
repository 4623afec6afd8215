/** Why a request goes where it goes: one that there was, or one that is imagined. The address holds the question. */
import { useState } from "react";
import type { ReactNode } from "react";
import type { ExplainQuestion } from "@tulle/explain/answer";
import { useProxies } from "../api/hooks.ts";
import { useExplanation } from "../api/requests.ts";
import { ExplanationView } from "../explain/explanation.tsx";
import { useAddress } from "../url/use-address.ts";
import { Answer, Card, Command, Empty, Field, Page, Segments, Select } from "../ui/basics.tsx";
import { compareTexts } from "../ui/table.tsx";
import "../styles/traffic.css";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export default function ExplainPage(): ReactNode {
  const { query, change } = useAddress();
  const kind = query.get("request") === null ? "imagined" : "recorded";
  const question = questionIn(query);
  const answer = useExplanation(question);
  return (
    <Page title="Explain" lead="Why a request goes where it goes, step by step, each with the line that makes it so.">
      <div className="wizard">
        <Card>
          <div className="stack">
            <Segments
              label="Which request"
              value={kind}
              options={[
                { value: "imagined", name: "Imagine one" },
                { value: "recorded", name: "One that there was" },
              ]}
              onChange={(value) =>
                change(
                  value === "recorded"
                    ? { request: query.get("request") ?? " ", from: null, url: null, method: null, headers: null }
                    : { request: null },
                )
              }
            />
            {kind === "imagined" ? <Imagined key="imagined" /> : <Recorded key="recorded" />}
          </div>
        </Card>
        <Card title="The way it takes">
          {question === undefined ? (
            <Empty title="Nothing is asked yet">
              <p>
                Say who sends what, and every step appears here: route, cluster, endpoint, policies. The same in a
                terminal:
              </p>
              <Command>tulle explain --from productpage GET http://reviews:9080/reviews/0</Command>
            </Empty>
          ) : (
            <Answer of={answer} what="the way">
              {(data) => (
                <div className="stack">
                  <ExplanationView answer={data} />
                  <Command>{commandFor(question)}</Command>
                </div>
              )}
            </Answer>
          )}
        </Card>
      </div>
    </Page>
  );
}

function Imagined(): ReactNode {
  const { query, change } = useAddress();
  const proxies = useProxies();
  const clients = [...new Set((proxies.data ?? []).map(({ workload, namespace }) => `${workload}.${namespace}`))].sort(
    compareTexts,
  );
  const [from, setFrom] = useState(query.get("from") ?? "");
  const [method, setMethod] = useState(query.get("method") ?? "GET");
  const [url, setUrl] = useState(query.get("url") ?? "");
  const [headers, setHeaders] = useState(query.get("headers") ?? "");
  const client = from === "" ? (clients[0] ?? "") : from;
  const isUrl = url === "" || /^https?:\/\/[^/\s]+/.test(url);
  const wrongHeader = headers.split("\n").find((line) => line.trim() !== "" && headerIn(line) === undefined);
  const isReady = client !== "" && url !== "" && isUrl && wrongHeader === undefined;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) change({ from: client, method, url, headers: headers.trim() });
      }}
    >
      <Field
        name="From"
        hint="The workload whose proxy sends it"
        wrong={
          proxies.data !== undefined && client === ""
            ? "no proxy is connected: start a program with tulle run, and it is here"
            : undefined
        }
      >
        <Select
          value={client}
          options={(clients.includes(client) || client === "" ? clients : [client, ...clients]).map((value) => ({
            value,
            name: value,
          }))}
          onChange={({ target }) => setFrom(target.value)}
        />
      </Field>
      <div className="pair method">
        <Field name="Method">
          <Select
            value={method}
            options={METHODS.map((value) => ({ value, name: value }))}
            onChange={({ target }) => setMethod(target.value)}
          />
        </Field>
        <Field name="URL" wrong={isUrl ? undefined : "http:// or https://, a host and a path"}>
          <input
            className="input"
            placeholder="http://reviews:9080/reviews/0"
            spellCheck={false}
            value={url}
            onChange={({ target }) => setUrl(target.value)}
          />
        </Field>
      </div>
      <Field
        name="Headers"
        hint="One a line, name: value"
        wrong={wrongHeader === undefined ? undefined : `no name and value: ${wrongHeader}`}
      >
        <textarea
          className="input mono"
          rows={3}
          placeholder="x-user: me"
          spellCheck={false}
          value={headers}
          onChange={({ target }) => setHeaders(target.value)}
        />
      </Field>
      <div className="row">
        <button type="submit" className="button primary" disabled={!isReady}>
          Explain
        </button>
      </div>
    </form>
  );
}

function Recorded(): ReactNode {
  const { query, change } = useAddress();
  const [text, setText] = useState((query.get("request") ?? "").trim());
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") change({ request: text.trim() });
      }}
    >
      <Field name="Request" hint="A request id, a trace id, or a line of an access log">
        <textarea
          className="input mono"
          rows={4}
          spellCheck={false}
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
      </Field>
      <div className="row">
        <button type="submit" className="button primary" disabled={text.trim() === ""}>
          Explain
        </button>
      </div>
    </form>
  );
}

/** Undefined: what the address says is no question yet. */
function questionIn(query: URLSearchParams): ExplainQuestion | undefined {
  const request = query.get("request");
  if (request !== null) return request.trim() === "" ? undefined : { request: request.trim() };
  const from = query.get("from");
  const url = query.get("url");
  if (from === null || url === null) return undefined;
  const headers = (query.get("headers") ?? "").split("\n").flatMap((line) => {
    const header = headerIn(line);
    return header === undefined ? [] : [header];
  });
  return { from, url, method: query.get("method") ?? "GET", ...(headers.length === 0 ? {} : { headers }) };
}

function headerIn(line: string): readonly [string, string] | undefined {
  const match = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*?)\s*$/.exec(line);
  return match === null ? undefined : [match[1]!.toLowerCase(), match[2]!];
}

/** The same question for a terminal. */
function commandFor({ request, from, method, url, headers = [] }: ExplainQuestion): string {
  if (request !== undefined) return `tulle explain ${quoted(request)}`;
  const given = headers.map(([name, value]) => ` -H ${quoted(`${name}: ${value}`)}`).join("");
  return `tulle explain --from ${quoted(from ?? "")}${given} ${method} ${quoted(url ?? "")}`;
}

function quoted(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
