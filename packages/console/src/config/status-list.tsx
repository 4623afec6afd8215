import type { ReactNode } from "react";
import type { ObjectStatus } from "../api/types.ts";
import { Status } from "../ui/basics.tsx";
import { DescribedObject } from "./object-link.tsx";
import { mainStatus, STATUS_NAMES, STATUS_TONES } from "./objects.ts";

export function MainStatus({ statuses }: { readonly statuses: readonly ObjectStatus[] }): ReactNode {
  const main = mainStatus(statuses);
  if (main === undefined) return null;
  return <Status tone={STATUS_TONES[main.type]}>{STATUS_NAMES[main.type]}</Status>;
}

export function StatusList({ statuses }: { readonly statuses: readonly ObjectStatus[] }): ReactNode {
  return (
    <ul className="stack" style={{ gap: 8 }}>
      {statuses.map(({ type, field, message, by }, index) => (
        <li key={index} className="wrap">
          <Status tone={STATUS_TONES[type]}>{STATUS_NAMES[type]}</Status>{" "}
          {field === undefined ? null : <code className="chip">{field}</code>} {message}
          {by === undefined ? null : (
            <>
              {" "}
              by <DescribedObject text={by} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
