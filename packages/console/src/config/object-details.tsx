/** An object in the drawer. */
import type { ReactNode } from "react";
import { Answer, Facts } from "../ui/basics.tsx";
import { Code } from "../ui/code.tsx";
import { Moment } from "../ui/time.tsx";
import { ObjectLink } from "./object-link.tsx";
import { parseKey } from "./objects.ts";
import { StatusList } from "./status-list.tsx";
import { useObject } from "./use-object.ts";

export function ObjectDetails({ id }: { readonly id: string }): ReactNode {
  const reference = parseKey(id) ?? { group: "", kind: "", namespace: "", name: "" };
  const answer = useObject(reference);
  return (
    <Answer of={answer} what="the object">
      {({ object, source, status, text, firstLine }) => (
        <>
          <Facts>
            {[
              ["Kind", object.kind],
              ["Namespace", object.metadata.namespace],
              ["Written in", `${source.file}:${source.line}`],
              ["Created", <Moment key="created" at={object.metadata.creationTimestamp ?? ""} />],
            ]}
          </Facts>
          <StatusList statuses={status} />
          <ObjectLink reference={reference}>Open it</ObjectLink>
          <Code label="The object's YAML" text={text} firstLine={firstLine} />
        </>
      )}
    </Answer>
  );
}
