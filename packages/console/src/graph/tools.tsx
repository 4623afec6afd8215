/** What the graph shows, what it hides and what it finds: all of it in the address. */
import type { ReactNode } from "react";
import type { Graph } from "@tulle/telemetry/insight";
import { useAddress } from "../url/use-address.ts";
import { Segments, Select } from "../ui/basics.tsx";
import { LABELS, LAYERS, oneOf, TYPES } from "./choices.ts";
import { parseExpression } from "./filter.ts";

export function GraphTools({ graph }: { readonly graph: Graph | undefined }): ReactNode {
  const { query, change } = useAddress();
  return (
    <div className="graph-tools filters">
      <Segments
        label="What a node is"
        options={TYPES}
        value={oneOf(TYPES, query.get("type"))}
        onChange={(value) => change({ type: value })}
      />
      <Segments
        label="What colours say"
        options={LAYERS}
        value={oneOf(LAYERS, query.get("layer"))}
        onChange={(value) => change({ layer: value })}
      />
      <Select
        aria-label="Labels of calls"
        value={oneOf(LABELS, query.get("label"))}
        options={LABELS}
        onChange={({ target }) => change({ label: target.value })}
      />
      <ExpressionInput name="find" placeholder="Find: p95 > 100" />
      <ExpressionInput name="hide" placeholder="Hide: idle" />
      <NamespaceToggle graph={graph} />
    </div>
  );
}

function ExpressionInput({
  name,
  placeholder,
}: {
  readonly name: "find" | "hide";
  readonly placeholder: string;
}): ReactNode {
  const { query, change } = useAddress();
  const text = query.get(name) ?? "";
  const { error } = parseExpression(text);
  return (
    <span className="labelled">
      <input
        type="search"
        className="input"
        aria-label={name === "find" ? "Find nodes and calls" : "Hide nodes and calls"}
        aria-invalid={error !== undefined}
        title={
          error ??
          "A part of a name, or conditions: rps, error, p50, p95, p99, name, ns, version; mtls, idle, healthy, fault, mirror, gateway; ! and or"
        }
        placeholder={placeholder}
        value={text}
        onChange={({ target }) => change({ [name]: target.value }, { replace: true })}
      />
      {error === undefined ? null : (
        <span className="tone-bad small" role="alert">
          {error}
        </span>
      )}
    </span>
  );
}

function NamespaceToggle({ graph }: { readonly graph: Graph | undefined }): ReactNode {
  const { query, change } = useAddress();
  const folded = query.get("fold") === "1";
  const names = [...new Set((graph?.nodes ?? []).map(({ namespace }) => namespace))]
    .filter((name) => name !== "")
    .sort();
  if (names.length < 2 && !folded) return null;
  const open = (query.get("unfold") ?? "").split(",").filter((name) => name !== "");
  return (
    <>
      <button
        type="button"
        className="button"
        aria-pressed={folded}
        onClick={() => change({ fold: !folded, unfold: null })}
      >
        {folded ? "Unfold all" : "Fold namespaces"}
      </button>
      {folded ? (
        <Select
          aria-label="Unfold a namespace"
          value=""
          options={[
            { value: "", name: "Unfold …" },
            ...names.map((name) => ({ value: name, name: open.includes(name) ? `Fold ${name}` : name })),
          ]}
          onChange={({ target: { value } }) =>
            change({
              unfold: (open.includes(value) ? open.filter((name) => name !== value) : [...open, value]).join(","),
            })
          }
        />
      ) : null}
    </>
  );
}
