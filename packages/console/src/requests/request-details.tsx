/** A request in the drawer: what was seen of it, and why it was so. */
import type { ReactNode } from "react";
import type { KeptRequest, RequestEnd } from "@tulle/telemetry/records";
import { useExplanation, useRequest } from "../api/requests.ts";
import { ExplanationView, statusTone } from "../explain/explanation.tsx";
import { formatBytes, formatMs } from "../format/numbers.ts";
import { pathOf } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { Answer, Facts, Failure, Loading, Status } from "../ui/basics.tsx";
import { formatDate } from "../ui/time.tsx";

export default function RequestDetails({ id }: { readonly id: string }): ReactNode {
  const answer = useRequest(id);
  return (
    <Answer of={answer} what="the request">
      {(request) => <Body request={request} />}
    </Answer>
  );
}

export function endName({ workload, service, namespace, version }: RequestEnd): string {
  const name = service || workload;
  if (name === "") return "";
  return `${name}${version === "" ? "" : ` ${version}`}${namespace === "" ? "" : `, ${namespace}`}`;
}

function Body({ request }: { readonly request: KeptRequest }): ReactNode {
  const explanation = useExplanation(questionOf(request));
  return (
    <>
      <div className="row">
        <Status tone={statusTone(request.status, request.flags)}>
          {request.status === 0 ? "no answer" : request.status}
        </Status>
        <code className="wrap">
          {request.method} {request.authority}
          {request.path}
        </code>
        {request.traceId === "" ? null : (
          <Link to={pathOf("traces", request.traceId)} className="button small">
            Trace
          </Link>
        )}
      </div>
      {explanation.error !== null ? (
        <Failure what="why" error={explanation.error} />
      ) : explanation.data === undefined ? (
        <Loading what="the explanation" />
      ) : (
        <ExplanationView answer={explanation.data} />
      )}
      <details>
        <summary>Everything that was recorded</summary>
        <Facts>
          {(
            [
              ["At", formatDate(request.startMs)],
              ["Took", formatMs(request.durationMs)],
              ["From", endName(request.source)],
              ["To", endName(request.destination)],
              ["Reported by", `${request.workload}, ${request.reporter}`],
              ["Flags", request.flags],
              ["Details", request.details],
              ["Route", request.routeName],
              ["Cluster", request.upstreamCluster],
              ["Endpoint", request.upstreamHost],
              ["Attempts", String(request.attempts)],
              ["Policy", request.policy],
              ["TLS", request.tlsVersion],
              ["TLS failure", request.transportFailure],
              ["Peer", request.peerPrincipal],
              ["Received", formatBytes(request.bytesReceived)],
              ["Sent", formatBytes(request.bytesSent)],
              ["Request id", request.requestId],
              ["User agent", request.userAgent],
            ] as const
          ).map(([name, value]) =>
            value === ""
              ? null
              : ([
                  name,
                  <span key={name} className="wrap">
                    {value}
                  </span>,
                ] as const),
          )}
        </Facts>
      </details>
    </>
  );
}

/** By its id where it has one; else as what it was, imagined. */
function questionOf(request: KeptRequest): Parameters<typeof useExplanation>[0] {
  const { proxy, startMs } = request;
  if (request.requestId !== "") return { request: request.requestId, hop: { proxy, startMs } };
  if (request.traceId !== "") return { request: request.traceId, hop: { proxy, startMs } };
  const from = request.source.workload || request.source.service;
  if (from === "") return undefined;
  const namespace = request.source.namespace === "" ? "" : `.${request.source.namespace}`;
  return {
    from: `${from}${namespace}`,
    method: request.method,
    url: `http://${request.authority}${request.path}`,
  };
}
