import type { ReactNode } from "react";
import { useObjects } from "../api/hooks.ts";
import { objectPath } from "../url/address.ts";
import type { ObjectReference } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { parseDescribed, referenceOf } from "./objects.ts";

export function ObjectLink({
  reference,
  line,
  children,
}: {
  readonly reference: ObjectReference;
  readonly line?: number | undefined;
  readonly children?: ReactNode;
}): ReactNode {
  const { kind, namespace, name } = reference;
  return (
    <Link to={objectPath(reference)} {...(line === undefined ? {} : { parameters: { line } })}>
      {children ?? `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`}
    </Link>
  );
}

/** The object that a text of the control plane names, as a link if there is one. */
export function DescribedObject({
  text,
  line,
}: {
  readonly text: string;
  readonly line?: number | undefined;
}): ReactNode {
  const objects = useObjects();
  const named = parseDescribed(text);
  const item = objects.data?.items.find(
    ({ object }) =>
      object.kind === named?.kind &&
      object.metadata.name === named.name &&
      object.metadata.namespace === named.namespace,
  );
  return item === undefined ? <>{text}</> : <ObjectLink reference={referenceOf(item)} line={line} />;
}
